"""The operators' page of backups of databases of all projects."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, pill, row_action
from cloudweb.schedule_admin import ScheduleAdmin, columns
from databases.manager import DatabaseBackupManager
from databases.models import Backup, DatabaseBackupSchedule
from databases.states import WHOLE, BackupStatus


@admin.register(Backup)
class DatabaseBackupAdmin(ManagedAdmin):
    """Backups of databases: whole, under way, failed."""

    actions = ("delete_backup",)
    list_display = (
        "name", "state", "version", "kind", "size", "instance_id", "fault_message", "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("status", "version")
    search_fields = ("name", "id", "project_id", "instance_id")
    ordering = NEWEST_FIRST
    fields = readonly_fields = (
        "id", *list_display, "description", "parent", "volume_size", "location", "checksum", "position",
        "updated_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backup]:
        """Read along what the list shows."""
        rows: QuerySet[Backup] = super().get_queryset(request)
        return rows.select_related("version")

    @admin.display(description="status", ordering="status")
    def state(self, row: Backup) -> SafeString:
        """Return its status."""
        failed = row.status in (BackupStatus.FAILED, BackupStatus.DELETE_FAILED)
        whole = row.status in WHOLE
        return pill(row.status, good=False if failed else whole or None)

    delete_backup = row_action(
        "Delete",
        "being deleted",
        lambda context, row: DatabaseBackupManager(context).delete(str(row.id)),
        warning="No database can begin with them any more.",
    )


@admin.register(DatabaseBackupSchedule)
class DatabaseBackupScheduleAdmin(ScheduleAdmin):
    """All schedules of all projects, to be read."""

    of = "instance"
    list_display = columns(of)
    search_fields = ("name", "id", "project_id", "instance__id")
