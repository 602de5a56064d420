"""Address plans: pools that subnets are cut from, and scopes of addresses."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ShownInline, row_action
from network.manager import AddressScopeManager, SubnetPoolManager
from network.models import AddressScope, Subnet, SubnetPool


class CutInline(ShownInline):
    """The blocks that were cut from a pool."""

    model = Subnet
    fields = ("cidr", "name", "network", "project_id")


@admin.register(SubnetPool)
class SubnetPoolAdmin(ManagedAdmin):
    """Subnet pools."""

    ordering = NEWEST_FIRST
    list_display = (
        "__str__", "id", "ip_version", "blocks", "default_prefixlen", "subnet_count", "is_default",
        "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("ip_version", "is_default")
    search_fields = ("name", "id", "project_id")
    inlines = (CutInline,)
    actions = ("share", "delete_pools")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the subnets along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(subnet_total=Count("subnets", distinct=True))
        return counted

    @admin.display(description="prefixes")
    def blocks(self, pool: SubnetPool) -> str:
        """Show the prefixes."""
        return ", ".join(pool.prefixes)

    @admin.display(description="subnets", ordering="subnet_total")
    def subnet_count(self, pool: Any) -> int:
        """Show how many subnets were cut from it."""
        return int(pool.subnet_total)

    share = row_action(
        "Share with all projects",
        "shared",
        lambda context, row: SubnetPoolManager(context).update(row.id, shared=True),
    )
    delete_pools = row_action(
        "Delete the selected pools",
        "deleted",
        lambda context, row: SubnetPoolManager(context).delete(row.id),
    )


@admin.register(AddressScope)
class AddressScopeAdmin(ManagedAdmin):
    """Address scopes."""

    ordering = NEWEST_FIRST
    list_display = ("__str__", "id", "ip_version", "project_id", "created_at")
    list_filter = ("ip_version",)
    search_fields = ("name", "id", "project_id")
    actions = ("delete_scopes",)

    delete_scopes = row_action(
        "Delete the selected scopes",
        "deleted",
        lambda context, row: AddressScopeManager(context).delete(row.id),
    )
