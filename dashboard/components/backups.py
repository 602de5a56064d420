"""What pages show of backups of volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.schedules import schedule_rows
from dashboard.components.status import Badge
from dashboard.templatetags.pages import size
from volume.manager import BackupManager, BackupScheduleManager
from volume.states import ACTIONS, BackupStatus

if TYPE_CHECKING:
    from volume.models import Backup, Volume

#: So many of a volume's backups are on its page; the list has them all.
SHOWN = 5
_BADGES = {
    BackupStatus.CREATING: Badge("Being taken", "info", "loader-2", busy=True),
    BackupStatus.AVAILABLE: Badge("Ready", "success", "check", "It can be restored."),
    BackupStatus.RESTORING: Badge("Being restored", "info", "loader-2", busy=True),
    BackupStatus.DELETING: Badge("Deleting", "warning", "loader-2", busy=True),
    BackupStatus.ERROR: Badge("Error", "danger", "alert-triangle"),
    BackupStatus.ERROR_DELETING: Badge(
        "Error", "danger", "alert-triangle", "It could not be deleted; try it again."
    ),
}
_UNPROVEN = Badge("Not yet", "neutral", "clock", "It was not restored on trial so far.")
_PROVEN = Badge("Proven", "success", "circle-check", "It was restored on trial, and is right.")


def backup_badge(backup: Backup) -> Badge:
    """Return what a backup is, or what is being done to it."""
    return _BADGES[BackupStatus(backup.status)]


def proof_badge(backup: Backup) -> Badge:
    """Return whether a backup is known to be restorable."""
    if backup.proof_fault:
        return Badge("Failed", "danger", "alert-triangle", backup.proof_fault)
    return _UNPROVEN if backup.proven_at is None else _PROVEN


def is_busy(backup: Backup) -> bool:
    """Tell whether something is being done to it."""
    return backup_badge(backup).busy


def called(backup: Backup) -> str:
    """Return its name, or the id of one that has none."""
    return backup.name or str(backup.id)


def kind_of(backup: Backup) -> str:
    """Return what it is: a full one, or what differs from the one before."""
    return "Incremental" if backup.is_incremental else "Full"


def in_store(backup: Backup) -> str:
    """Return what it takes in its store; nothing while that is not known."""
    return size(backup.stored_bytes) if backup.sha256 else ""


def backup_facts(
    context: RequestContext, volume: Volume, may: Callable[[str], bool]
) -> Mapping[str, Any]:
    """Return what a volume's page shows of its backups and schedules."""
    asked = Listing(where=Q(volume_id=volume.id), order=("-created_at", "-id"), limit=SHOWN)
    schedules = Listing(where=Q(volume=volume.id), order=("created_at", "id"))
    found = BackupManager(context).list_backups(asked)
    return {
        "backups": [(one, backup_badge(one), kind_of(one), proof_badge(one)) for one in found.rows],
        "more_backups": found.more,
        "has_backup": found.more or any(one.status == BackupStatus.AVAILABLE for one in found.rows),
        "schedules": schedule_rows(
            BackupScheduleManager(context).list(schedules).rows, "", volume.id
        ),
        "new_schedule": reverse("new_schedule", args=[volume.id]),
        "may_back_up": may("volume:backups:create")
        and volume.status in ACTIONS["back_up"].starts_in,
        "may_schedule": may("volume:backup_schedules:create"),
    }


def chain_of(context: RequestContext, backup: Backup) -> Sequence[Backup]:
    """Return the backups that share blocks with one, the oldest first, it among them."""
    asked = Listing(where=Q(lineage=backup.lineage_id), order=("data_at", "id"), limit=200)
    return BackupManager(context).list_backups(asked).rows
