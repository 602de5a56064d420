"""What the operators' pages of images share: actions on several rows, parts that are shown only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from cloudweb.admin import ManagedAdmin
from cloudweb.exceptions import CloudwebError

Row = TypeVar("Row", bound=Model)


class ActingAdmin(ManagedAdmin):
    """Has actions that a manager does, row by row."""

    def act(
        self, request: HttpRequest, rows: QuerySet[Row], done: str, effect: Callable[[Row], object]
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
    """Rows that belong to another: to read."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show only."""
        return False
