"""The operators' page of shelves."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin
from tests.example.manager import ShelfManager
from tests.example.models import Shelf


@admin.register(Shelf)
class ShelfAdmin(ManagedAdmin):
    """Shelves of all projects."""

    list_display = ("name", "project_id", "status", "boards", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "project_id", "id")
    ordering = ("-created_at", "-id")
    fields = readonly_fields = ("id", *list_display)
    actions = ("take_down",)

    @admin.action(description="Take down")
    def take_down(self, request: HttpRequest, rows: QuerySet[Shelf]) -> None:
        """Delete them."""
        shelves = ShelfManager(self.context(request))
        self.act(request, rows, "taken down", lambda shelf: shelves.delete(str(shelf.id)))
