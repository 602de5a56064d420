"""The operators' page of shelves."""

from __future__ import annotations

from django.contrib import admin

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, row_action
from tests.example.manager import ShelfManager
from tests.example.models import Shelf


@admin.register(Shelf)
class ShelfAdmin(ManagedAdmin):
    """Shelves of all projects."""

    list_display = ("name", "project_id", "status", "boards", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "project_id", "id")
    ordering = NEWEST_FIRST
    fields = readonly_fields = ("id", *list_display)
    actions = ("take_down",)

    take_down = row_action(
        "Take down",
        "taken down",
        lambda context, shelf: ShelfManager(context).delete(str(shelf.id)),
        warning="What lies on them falls.",
    )
