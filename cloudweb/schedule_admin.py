"""The operators' page of schedules of backups, whatever they are of."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin


def columns(of: str) -> tuple[str, ...]:
    """Return what the list says: when, of what, and what went wrong."""
    return (
        "name", of, "enabled", "interval", "next_at", "last_at", "last_error", "project_id",
    )  # fmt: skip


class ScheduleAdmin(ManagedAdmin):
    """All schedules of all projects, to be read; ``of`` is the column that says what they are of.

    A subclass has ``columns(of)`` in its list.
    """

    of: ClassVar[str]
    #: What this kind of schedule says besides.
    more: ClassVar[tuple[str, ...]] = ()
    list_filter = ("enabled",)
    ordering = NEWEST_FIRST

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return all that is known of one."""
        kept = ("keep_last", "keep_daily", "keep_weekly", "keep_monthly", *self.more)
        return (
            (None, {"fields": ("id", "name", "project_id", "user_id", self.of, "enabled")}),
            ("When", {"fields": ("interval", "full_every", "next_at", "last_at", "last_error")}),
            ("Kept", {"fields": kept}),
            ("Times", {"fields": ("created_at", "updated_at")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Read along what the list shows."""
        return super().get_queryset(request).select_related(self.of)
