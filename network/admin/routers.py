"""All routers of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, ValuesFilter, pill, row_action
from network import states
from network.manager import RouterManager
from network.models import Router, RouterPort


class RouterPortInline(ShownInline):
    """The gateway and the interfaces of a router."""

    model = RouterPort
    fields = ("network", "port", "is_gateway")


def _switch(label: str, done: str, *, up: bool) -> Any:
    return row_action(
        label, done, lambda context, row: RouterManager(context).update(row.id, admin_state_up=up)
    )


@admin.register(Router)
class RouterAdmin(ManagedAdmin):
    """Routers, and the host that each is on."""

    ordering = NEWEST_FIRST
    list_display = (
        "__str__", "id", "state", "host", "told", "outside", "enable_snat", "interfaces",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = (("host", ValuesFilter), "admin_state_up", "enable_snat")
    search_fields = ("name", "id", "project_id", "router_ports__port__addresses__ip_address")
    inlines = (RouterPortInline,)
    actions = ("switch_on", "switch_off", "delete_routers")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Fetch the ports with their addresses along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.prefetch_related("router_ports__port__addresses")

    @admin.display(description="status")
    def state(self, router: Router) -> SafeString:
        """Show the status, and that it is switched off."""
        if not router.admin_state_up:
            return pill("switched off", good=None)
        return pill(router.status, good=router.status == states.ACTIVE)

    @admin.display(description="host knows")
    def told(self, router: Router) -> SafeString | str:
        """Show whether the host confirmed the newest picture of the router."""
        if not router.host:
            return "-"
        current = router.applied_revision >= router.wiring_revision
        return pill("current" if current else "older", good=current)

    @admin.display(description="outside")
    def outside(self, router: Router) -> str:
        """Show the addresses of the gateway."""
        gateway = router.gateway
        found = gateway.port.addresses.all() if gateway is not None else ()
        return ", ".join(address.ip_address for address in found)

    @admin.display(description="interfaces")
    def interfaces(self, router: Router) -> str:
        """Show the addresses inside."""
        inner = [one for one in router.router_ports.all() if not one.is_gateway]
        return ", ".join(row.ip_address for one in inner for row in one.port.addresses.all())

    switch_on = _switch("Switch on", "switched on", up=True)
    switch_off = _switch("Switch off: no traffic passes", "switched off", up=False)
    delete_routers = row_action(
        "Delete the selected routers with their gateways",
        "deleted",
        lambda context, router: RouterManager(context).delete(router.id),
    )
