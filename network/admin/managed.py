"""What the pages of all nouns share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin
from cloudweb.exceptions import CloudwebError


class NounAdmin(ManagedAdmin):
    """Newest first; what is done to several rows is done to each that allows it."""

    ordering = ("-created_at", "-id")

    def act(
        self, request: HttpRequest, rows: QuerySet[Any], done: str, effect: Callable[[Any], object]
    ) -> None:
        """Do something to each row; tell how many it was done to and why not to the others."""
        count = 0
        for row in rows:
            try:
                effect(row)
            except CloudwebError as error:
                self.message_user(request, f"{row}: {error.message}", messages.ERROR)
            else:
                count += 1
        if count:
            self.message_user(request, f"{count} {done}.", messages.SUCCESS)


class ShownInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """Rows that belong to the one shown; nothing to change."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False
