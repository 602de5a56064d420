"""Backups of all projects: what is kept where, what failed, when each was last proven; and their schedules."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, pill, row_action
from cloudweb.schedule_admin import ScheduleAdmin, columns
from volume.manager import BackupManager
from volume.models import Backup, BackupSchedule
from volume.states import BackupStatus


@admin.register(Backup)
class BackupAdmin(ManagedAdmin):
    """All backups of all projects."""

    actions = ("prove", "set_available", "set_in_error", "force_delete")
    list_display = (
        "label", "state", "proof", "size", "stored_bytes", "lineage", "project_id", "data_at",
    )  # fmt: skip
    list_filter = ("status", "proven_at")
    search_fields = ("name", "id", "project_id", "volume_id")
    ordering = NEWEST_FIRST
    fieldsets = (
        (None, {"fields": ("id", "name", "description", "project_id", "user_id", "state")}),
        ("Of", {"fields": ("volume_id", "snapshot_id", "parent_id", "schedule", "data_at")}),
        (
            "In its store",
            {"fields": ("lineage", "size", "chunks", "changed_bytes", "stored_bytes", "sha256")},
        ),
        ("Proof", {"fields": ("proven_at", "proof_tried_at", "proof_fault")}),
        ("Fault", {"fields": ("fail_reason", "fault_detail")}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backup]:
        """Read along what the list shows."""
        rows: QuerySet[Backup] = super().get_queryset(request)
        return rows.select_related("lineage")

    @admin.display(description="backup", ordering="name")
    def label(self, backup: Backup) -> str:
        """Return its name, or its id where it has none."""
        return backup.name or str(backup.id)

    @admin.display(description="status", ordering="status")
    def state(self, backup: Backup) -> SafeString:
        """Return its status."""
        failed = backup.status.startswith("error")
        whole = backup.status == BackupStatus.AVAILABLE
        return pill(backup.status, good=False if failed else whole or None)

    @admin.display(description="proven", ordering="proven_at")
    def proof(self, backup: Backup) -> SafeString:
        """Return when it was last restored and found right."""
        if backup.proof_fault:
            return pill(backup.proof_fault, good=False)
        if backup.proven_at is None:
            return pill("not yet", good=None)
        return pill(f"{backup.proven_at:%Y-%m-%d %H:%M}", good=True)

    prove = row_action(
        "Prove now",
        "being proven",
        lambda context, backup: BackupManager(context).prove(str(backup.id)),
    )
    set_available = row_action(
        "Reset the status to available",
        "set to available",
        lambda context, backup: BackupManager(context).reset_status(
            str(backup.id), status=BackupStatus.AVAILABLE
        ),
        warning="Nothing is done about what the status said.",
    )
    set_in_error = row_action(
        "Reset the status to error",
        "set to error",
        lambda context, backup: BackupManager(context).reset_status(
            str(backup.id), status=BackupStatus.ERROR
        ),
    )
    force_delete = row_action(
        "Delete, whatever the status",
        "being deleted",
        lambda context, backup: BackupManager(context).delete(str(backup.id), force=True),
        warning="Backups are deleted, whatever is being done to them.",
    )


@admin.register(BackupSchedule)
class BackupScheduleAdmin(ScheduleAdmin):
    """All schedules of all projects, to be read."""

    of = "volume"
    list_display = columns(of)
    search_fields = ("name", "id", "project_id", "volume__id")
    more = ("encrypted",)
