"""All networks of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import pill
from network import states
from network.admin.managed import NounAdmin, ShownInline
from network.manager import NetworkManager
from network.models import Network, Subnet


class SubnetInline(ShownInline):
    """The blocks of addresses of a network."""

    model = Subnet
    fields = ("name", "cidr", "gateway_ip", "enable_dhcp")


@admin.register(Network)
class NetworkAdmin(NounAdmin):
    """Networks."""

    list_display = (
        "__str__", "id", "state", "kind", "shared", "external", "blocks", "port_count",
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

    @admin.display(description="subnets")
    def blocks(self, network: Network) -> str:
        """Show the blocks."""
        return ", ".join(subnet.cidr for subnet in network.subnets.all())

    @admin.display(description="ports", ordering="port_total")
    def port_count(self, network: Any) -> int:
        """Show how many ports there are."""
        return int(network.port_total)

    @admin.action(description="Share with all projects")
    def share(self, request: HttpRequest, rows: QuerySet[Network]) -> None:
        """Let every project use the networks."""
        self._change(request, rows, "shared", shared=True)

    @admin.action(description="Stop sharing")
    def unshare(self, request: HttpRequest, rows: QuerySet[Network]) -> None:
        """Keep the networks to their projects."""
        self._change(request, rows, "no longer shared", shared=False)

    @admin.action(description="Switch on")
    def switch_on(self, request: HttpRequest, rows: QuerySet[Network]) -> None:
        """Let traffic pass."""
        self._change(request, rows, "switched on", admin_state_up=True)

    @admin.action(description="Switch off: no traffic passes")
    def switch_off(self, request: HttpRequest, rows: QuerySet[Network]) -> None:
        """Stop all traffic."""
        self._change(request, rows, "switched off", admin_state_up=False)

    @admin.action(description="Delete the selected networks with their subnets")
    def delete_networks(self, request: HttpRequest, rows: QuerySet[Network]) -> None:
        """Delete networks without ports."""
        manager = NetworkManager(self.context(request))
        self.act(request, rows, "deleted", lambda network: manager.delete(network.id))

    def _change(
        self, request: HttpRequest, rows: QuerySet[Network], done: str, **changes: Any
    ) -> None:
        manager = NetworkManager(self.context(request))
        self.act(request, rows, done, lambda network: manager.update(network.id, **changes))
