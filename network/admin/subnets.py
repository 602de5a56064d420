"""All subnets of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, bar, row_action
from network import ipam
from network.manager import SubnetManager
from network.models import Subnet


@admin.register(Subnet)
class SubnetAdmin(ManagedAdmin):
    """Subnets."""

    ordering = NEWEST_FIRST
    list_display = (
        "cidr", "name", "id", "network", "gateway_ip", "enable_dhcp", "use", "project_id",
        "created_at",
    )  # fmt: skip
    list_filter = ("ip_version", "enable_dhcp")
    list_select_related = ("network",)
    search_fields = ("name", "id", "cidr", "project_id", "network__name")
    actions = ("delete_subnets",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the addresses in use along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(held=Count("addresses"))
        return counted

    @admin.display(description="addresses", ordering="held")
    def use(self, subnet: Any) -> SafeString:
        """Show how many addresses of the pools are in use."""
        size = ipam.pool_size(subnet)
        return bar(subnet.held, size, f"{subnet.held} of {size}")

    delete_subnets = row_action(
        "Delete the selected subnets",
        "deleted",
        lambda context, subnet: SubnetManager(context).delete(subnet.id),
    )
