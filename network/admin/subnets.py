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

#: From so many on nobody counts: an IPv6 subnet has 2^64.
MANY = 2**32


@admin.register(Subnet)
class SubnetAdmin(ManagedAdmin):
    """Subnets."""

    ordering = NEWEST_FIRST
    list_display = (
        "cidr", "network", "use", "free", "pools", "gateway_ip", "enable_dhcp", "name", "id",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("ip_version", "enable_dhcp")
    list_select_related = ("network",)
    search_fields = ("name", "id", "cidr", "project_id", "network__name")
    actions = ("delete_subnets",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Fetch along what is free of the pools, and count all addresses in use."""
        rows: QuerySet[Any] = super().get_queryset(request).prefetch_related("free_ranges")
        counted: QuerySet[Any] = rows.annotate(held=Count("addresses"))
        return counted

    @admin.display(description="pools")
    def pools(self, subnet: Subnet) -> str:
        """Show from where to where addresses are given."""
        return ", ".join(f"{one['start']} - {one['end']}" for one in subnet.allocation_pools)

    @admin.display(description="of the pools", ordering="held")
    def use(self, subnet: Any) -> SafeString:
        """Show how many addresses of the pools are in use."""
        size = ipam.pool_size(subnet)
        used = size - ipam.free_of(subnet)
        return bar(used, size, f"{used:,} of {size:,}" if size < MANY else f"{used:,}")

    @admin.display(description="free")
    def free(self, subnet: Subnet) -> str:
        """Show how many addresses of the pools no port has."""
        found = ipam.free_of(subnet)
        return f"{found:,}" if found < MANY else "plenty"

    delete_subnets = row_action(
        "Delete the selected subnets",
        "deleted",
        lambda context, subnet: SubnetManager(context).delete(subnet.id),
    )
