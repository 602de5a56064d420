"""Resizes and migrations of all projects' servers; those under way can be called off or ended."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, ValuesFilter, row_action
from compute.live_progress import LiveProgress
from instances.manager import InstanceManager
from instances.models import Migration


@admin.register(Migration)
class MigrationAdmin(ManagedAdmin):
    """Migrations, newest first."""

    ordering = NEWEST_FIRST
    list_display = (
        "id",
        "migration_type",
        "status",
        "instance",
        "source_host",
        "dest_host",
        "left",
        "created_at",
    )
    list_filter = (
        "status",
        "migration_type",
        ("source_host", ValuesFilter),
        ("dest_host", ValuesFilter),
    )
    list_select_related = ("instance",)
    search_fields = ("uuid", "instance__name", "instance__id")
    fieldsets = (
        (None, {"fields": ("uuid", "instance", "migration_type", "status", "error")}),
        ("From where to where", {"fields": ("source_host", "dest_host", "wanted_host", "has_it")}),
        ("Who", {"fields": ("project_id", "user_id")}),
        ("When", {"fields": ("created_at", "updated_at")}),
    )
    actions = ("abort_migrations", "force_complete_migrations", "confirm", "revert")

    @admin.display(description="left")
    def left(self, row: Any) -> str:
        """Show what is left of a live one."""
        if not row.progress:
            return ""
        seen = LiveProgress(**row.progress)
        mib = (seen.memory_remaining + seen.disk_remaining) // 1024**2
        return f"{mib} MiB, {seen.phase}"

    abort_migrations = row_action(
        "Call the selected live migrations off",
        "being called off",
        lambda context, row: InstanceManager(context).abort_migration(
            str(row.instance_id), str(row.pk)
        ),
        warning="Their servers stay where they are.",
    )
    force_complete_migrations = row_action(
        "Finish the selected live migrations now",
        "being finished",
        lambda context, row: InstanceManager(context).force_complete(
            str(row.instance_id), str(row.pk)
        ),
        warning="Their servers are paused until the rest of their memory is on the new host.",
    )

    confirm = row_action(
        "Confirm the selected resizes",
        "confirmed",
        lambda context, row: InstanceManager(context).confirm_resize(str(row.instance_id)),
        warning="They keep what they became; the disks of before are taken away.",
    )
    revert = row_action(
        "Revert the selected resizes",
        "reverted",
        lambda context, row: InstanceManager(context).revert_resize(str(row.instance_id)),
        warning="They are again what and where they were; what was written since is lost.",
    )
