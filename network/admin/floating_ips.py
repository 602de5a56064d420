"""All floating IPs of all projects."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, ValuesFilter, pill, row_action
from network import states
from network.manager import FloatingIpManager
from network.models import FloatingIp, PortForwarding


class PortForwardingInline(ShownInline):
    """What the ports of a floating IP lead to."""

    model = PortForwarding
    fields = (
        "protocol", "external_first", "external_last", "internal_ip_address", "internal_first",
        "internal_last",
    )  # fmt: skip


@admin.register(FloatingIp)
class FloatingIpAdmin(ManagedAdmin):
    """Floating IPs, and where they lead."""

    ordering = NEWEST_FIRST
    list_display = (
        "floating_ip_address", "id", "state", "floating_network", "fixed_ip_address", "router", "host",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("floating_network", ("router__host", ValuesFilter))
    list_select_related = ("floating_network", "router")
    search_fields = ("floating_ip_address", "fixed_ip_address", "id", "project_id")
    inlines = (PortForwardingInline,)
    actions = ("release", "delete_floating_ips")

    @admin.display(description="status")
    def state(self, floating: FloatingIp) -> SafeString:
        """Show whether it leads anywhere."""
        return pill(floating.status, good=True if floating.status == states.ACTIVE else None)

    @admin.display(description="host", ordering="router__host")
    def host(self, floating: FloatingIp) -> str:
        """Show the host whose agent has the router."""
        return floating.router.host if floating.router else ""

    release = row_action(
        "Let them lead nowhere",
        "released",
        lambda context, row: FloatingIpManager(context).update(row.id, port_id=None),
    )
    delete_floating_ips = row_action(
        "Delete the selected floating IPs",
        "deleted",
        lambda context, row: FloatingIpManager(context).delete(row.id),
    )
