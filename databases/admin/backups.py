"""The operators' page of backups of databases of all projects."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, pill, row_action
from cloudweb.schedule_admin import ScheduleAdmin, columns
from databases.admin.instances import ByVersion
from databases.manager import DatabaseBackupManager, DatabaseBackupProofManager
from databases.models import Backup, DatabaseBackupSchedule
from databases.states import WHOLE, BackupStatus


class Proof(admin.SimpleListFilter):
    """How far backups are proven."""

    title = "proven"
    parameter_name = "proven"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Offer how far."""
        return [
            ("restored", "Restored on trial"),
            ("digests", "Digests alone"),
            ("fault", "Cannot be restored"),
            ("note", "Could not be tried"),
            ("never", "Not yet"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Backup]) -> QuerySet[Backup]:
        """Keep those."""
        whole = Q(proof_fault="")
        found = {
            "restored": whole & Q(restore_proven_at__isnull=False),
            "digests": whole & Q(restore_proven_at=None, digests_proven_at__isnull=False),
            "fault": ~whole,
            "note": ~Q(proof_note=""),
            "never": whole & Q(restore_proven_at=None, digests_proven_at=None),
        }
        chosen = self.value()
        return queryset.filter(found[chosen]) if chosen in found else queryset


@admin.register(Backup)
class DatabaseBackupAdmin(ManagedAdmin):
    """Backups of databases: whole, under way, failed."""

    actions = ("prove", "delete_backup")
    list_display = (
        "name", "state", "proof", "version", "kind", "size", "instance_id", "fault_message", "project_id", "created_at",
    )  # fmt: skip
    list_filter = ("status", Proof, ("version", ByVersion))
    search_fields = ("name", "id", "project_id", "instance_id")
    ordering = NEWEST_FIRST
    fields = readonly_fields = (
        "id", *list_display, "description", "parent", "volume_size", "location", "checksum", "position",
        "proof_tried_at", "digests_proven_at", "restore_tried_at", "restore_proven_at", "proof_fault", "proof_note",
        "updated_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backup]:
        """Read along what the list shows."""
        rows: QuerySet[Backup] = super().get_queryset(request)
        return rows.select_related("version__datastore")

    @admin.display(description="status", ordering="status")
    def state(self, row: Backup) -> SafeString:
        """Return its status."""
        failed = row.status in (BackupStatus.FAILED, BackupStatus.DELETE_FAILED)
        whole = row.status in WHOLE
        return pill(row.status, good=False if failed else whole or None)

    @admin.display(description="proven", ordering="restore_proven_at")
    def proof(self, row: Backup) -> SafeString:
        """Return how far it is proven that it can be restored."""
        if row.proof_fault:
            return pill(row.proof_fault, good=False)
        if row.restore_proven_at is not None:
            return pill(f"restored {row.restore_proven_at:%Y-%m-%d %H:%M}", good=True)
        if row.digests_proven_at is not None:
            return pill(f"digests {row.digests_proven_at:%Y-%m-%d %H:%M}", good=None)
        return pill("not yet", good=None)

    prove = row_action(
        "Restore on trial",
        "being restored on trial",
        lambda context, row: DatabaseBackupProofManager(context).prove(str(row.id)),
    )
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
