"""What the steps of backups' sagas share: the row, its writes, and what was under way about its volume."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from cloudweb.database.clock import now
from operations.saga import Failure, Run, StepFailed
from volume.models import Backup, Snapshot, Volume
from volume.states import SnapshotStatus, VolumeStatus

ROW = "backup"


def backup_of(run: Run, backup_id: str | None = None) -> Backup:
    """Return the backup an operation is about; raise StepFailed if its row is gone."""
    if ROW not in run.memory:
        rows = Backup.objects.select_related("lineage")
        run.memory[ROW] = rows.filter(id=backup_id or run.resource_id).first()
    found: Backup | None = run.memory[ROW]
    if found is None:
        raise StepFailed("The backup is gone.")
    return found


def write_backup(run: Run, **values: Any) -> None:
    """Change the backup's row."""
    run.memory.pop(ROW, None)
    Backup.objects.filter(id=run.resource_id).update(updated_at=now(), **values)


def backup_fault(failure: Failure) -> dict[str, str]:
    """Return the columns that say why a backup is none."""
    return {"fail_reason": failure.public, "fault_detail": failure.detail}


def source_volume(backup: Backup) -> Volume | None:
    """Return the volume that is backed up, if it is there and has a place."""
    rows = Volume.objects.select_related("pool")
    found: Volume | None = rows.filter(id=backup.volume_id, pool__isnull=False).first()
    return found


def give_source_back(run: Run) -> None:
    """Let the volume, or the snapshot, be used as before."""
    backup = Backup.objects.filter(id=run.resource_id).first()
    if backup is None:
        return
    if backup.snapshot_id is not None:
        Snapshot.objects.filter(id=backup.snapshot_id, status=SnapshotStatus.BACKING_UP).update(
            status=SnapshotStatus.AVAILABLE
        )
        return
    # Its attachments kept that column up to date meanwhile.
    Volume.objects.filter(id=backup.volume_id, status=VolumeStatus.BACKING_UP).update(
        status=F("previous_status"), updated_at=now()
    )
