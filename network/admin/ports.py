"""All ports of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ShownInline, ValuesFilter, pill, row_action
from network import states
from network.admin.path_trace import TracedAdmin
from network.manager import PortManager
from network.models import Port, PortAddress, PortSecurityGroup

GOOD = {states.ACTIVE: True, states.ERROR: False}


class AddressInline(ShownInline):
    """The addresses of a port."""

    model = PortAddress


class MembershipInline(ShownInline):
    """The security groups of a port."""

    model = PortSecurityGroup


@admin.register(Port)
class PortAdmin(TracedAdmin):
    """Ports."""

    ordering = NEWEST_FIRST
    list_display = (
        "id", "name", "state", "network", "mac_address", "ip_addresses", "host", "told",
        "device_owner", "device_id", "project_id", "created_at", "why",
    )  # fmt: skip
    list_filter = (
        "status", ("host", ValuesFilter), ("device_owner", ValuesFilter), "port_security_enabled",
    )  # fmt: skip
    list_select_related = ("network",)
    search_fields = (
        "id", "name", "mac_address", "device_id", "project_id", "addresses__ip_address",
    )  # fmt: skip
    inlines = (AddressInline, MembershipInline)
    actions = ("delete_ports",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Fetch the addresses along."""
        return super().get_queryset(request).prefetch_related("addresses")

    @admin.display(description="status", ordering="status")
    def state(self, port: Port) -> SafeString:
        """Show the status."""
        return pill(port.status, good=GOOD.get(port.status))

    @admin.display(description="addresses")
    def ip_addresses(self, port: Port) -> str:
        """Show the addresses."""
        return ", ".join(address.ip_address for address in port.addresses.all())

    @admin.display(description="host knows")
    def told(self, port: Port) -> SafeString | str:
        """Show whether the host confirmed the newest picture of the port."""
        if not port.applied_revision:
            return "-"
        current = port.applied_revision >= port.wiring_revision
        return pill("current" if current else "older", good=current)

    delete_ports = row_action(
        "Delete the selected ports, also those of servers",
        "deleted",
        lambda context, port: PortManager(context).delete(port.id),
    )
