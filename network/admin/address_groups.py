"""All address groups of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, row_action
from network.manager import AddressGroupManager
from network.models import AddressGroup


@admin.register(AddressGroup)
class AddressGroupAdmin(ManagedAdmin):
    """Address groups."""

    ordering = NEWEST_FIRST
    list_display = ("__str__", "id", "blocks", "rule_count", "project_id", "created_at")
    search_fields = ("name", "id", "project_id")
    actions = ("delete_groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the rules along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = rows.annotate(rule_total=Count("referring_rules", distinct=True))
        return counted

    @admin.display(description="addresses")
    def blocks(self, group: AddressGroup) -> str:
        """Show the first addresses, and how many more there are."""
        more = len(group.addresses) - 5
        return ", ".join(group.addresses[:5]) + (f" and {more} more" if more > 0 else "")

    @admin.display(description="rules", ordering="rule_total")
    def rule_count(self, group: Any) -> int:
        """Show how many rules name it."""
        return int(group.rule_total)

    delete_groups = row_action(
        "Delete the selected groups",
        "deleted",
        lambda context, row: AddressGroupManager(context).delete(row.id),
    )
