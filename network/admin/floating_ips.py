"""All floating IPs of all projects."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import pill
from network import states
from network.admin.managed import NounAdmin, ShownInline
from network.manager import FloatingIpManager
from network.models import FloatingIp, PortForwarding


class PortForwardingInline(ShownInline):
    """What the ports of a floating IP lead to."""

    model = PortForwarding
    show_change_link = False
    fields = (
        "protocol", "external_first", "external_last", "internal_ip_address", "internal_first",
        "internal_last",
    )  # fmt: skip


@admin.register(FloatingIp)
class FloatingIpAdmin(NounAdmin):
    """Floating IPs, and where they lead."""

    list_display = (
        "floating_ip_address", "id", "state", "floating_network", "fixed_ip_address", "router",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("floating_network",)
    list_select_related = ("floating_network", "router")
    search_fields = ("floating_ip_address", "fixed_ip_address", "id", "project_id")
    inlines = (PortForwardingInline,)
    actions = ("release", "delete_floating_ips")

    @admin.display(description="status")
    def state(self, floating: FloatingIp) -> SafeString:
        """Show whether it leads anywhere."""
        return pill(floating.status, good=True if floating.status == states.ACTIVE else None)

    @admin.action(description="Let them lead nowhere")
    def release(self, request: HttpRequest, rows: QuerySet[FloatingIp]) -> None:
        """Take floating IPs from their ports."""
        manager = FloatingIpManager(self.context(request))
        self.act(request, rows, "released", lambda row: manager.update(row.id, port_id=None))

    @admin.action(description="Delete the selected floating IPs")
    def delete_floating_ips(self, request: HttpRequest, rows: QuerySet[FloatingIp]) -> None:
        """Give floating IPs back."""
        manager = FloatingIpManager(self.context(request))
        self.act(request, rows, "deleted", lambda row: manager.delete(row.id))
