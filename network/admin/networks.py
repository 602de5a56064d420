"""All networks of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, pill, row_action
from network import states
from network.manager import NetworkManager
from network.models import Network, Subnet


class SubnetInline(ShownInline):
    """The blocks of addresses of a network."""

    model = Subnet
    fields = ("name", "cidr", "gateway_ip", "enable_dhcp")


def _change(label: str, done: str, **changes: Any) -> Any:
    return row_action(
        label, done, lambda context, network: NetworkManager(context).update(network.id, **changes)
    )


@admin.register(Network)
class NetworkAdmin(ManagedAdmin):
    """Networks."""

    ordering = NEWEST_FIRST
    list_display = (
        "__str__", "id", "state", "segment", "shared", "external", "blocks", "port_count",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("kind", "shared", "external", "admin_state_up")
    search_fields = ("name", "id", "project_id", "subnets__cidr")
    inlines = (SubnetInline,)
    actions = ("share", "unshare", "switch_on", "switch_off", "delete_networks")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the ports along."""
        rows: QuerySet[Any] = super().get_queryset(request).prefetch_related("subnets")
        counted: QuerySet[Any] = rows.annotate(port_total=Count("ports", distinct=True))
        return counted

    @admin.display(description="status", ordering="admin_state_up")
    def state(self, network: Network) -> SafeString:
        """Show the status."""
        return pill(network.status, good=True if network.status == states.ACTIVE else None)

    @admin.display(description="segment", ordering="kind")
    def segment(self, network: Network) -> str:
        """Show what it is made of: type, wire, number."""
        parts = (network.kind, network.physical_network, network.segmentation_id)
        return " ".join(str(part) for part in parts if part)

    @admin.display(description="subnets")
    def blocks(self, network: Network) -> str:
        """Show the blocks."""
        return ", ".join(subnet.cidr for subnet in network.subnets.all())

    @admin.display(description="ports", ordering="port_total")
    def port_count(self, network: Any) -> int:
        """Show how many ports there are."""
        return int(network.port_total)

    share = _change("Share with all projects", "shared", shared=True)
    unshare = _change("Stop sharing", "no longer shared", shared=False)
    switch_on = _change("Switch on", "switched on", admin_state_up=True)
    switch_off = _change("Switch off: no traffic passes", "switched off", admin_state_up=False)
    delete_networks = row_action(
        "Delete the selected networks with their subnets",
        "deleted",
        lambda context, network: NetworkManager(context).delete(network.id),
    )
