"""All server groups of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, row_action
from instances.manager import ServerGroupManager
from instances.models import ServerGroup
from instances.states import VmState


@admin.register(ServerGroup)
class ServerGroupAdmin(ManagedAdmin):
    """Server groups."""

    ordering = NEWEST_FIRST
    list_display = ("name", "id", "policy", "servers_total", "project_id", "created_at")
    list_filter = ("policy",)
    search_fields = ("name", "id", "project_id")
    actions = ("delete_groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Count the servers along."""
        rows: QuerySet[Any] = super().get_queryset(request)
        alive = ~Q(servers__vm_state=VmState.DELETED)
        counted: QuerySet[Any] = rows.annotate(total=Count("servers", filter=alive))
        return counted

    @admin.display(description="servers", ordering="total")
    def servers_total(self, group: Any) -> int:
        """Show how many servers are in it."""
        return int(group.total)

    delete_groups = row_action(
        "Delete the selected groups",
        "deleted",
        lambda context, row: ServerGroupManager(context).delete(row.id),
        warning="Their servers stay where they are; what comes next is no longer placed by them.",
    )
