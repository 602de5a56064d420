"""Take a backup: a host reads and hands over, the control plane checks what it got."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from cloudweb.rpc import Order
from cloudweb.stores.configured import UnknownStore
from cloudweb.stores.exceptions import StoreUnavailable
from operations.jobs import Running
from operations.saga import Failure, Job, Run, Saga, Step, StepFailed
from volume.backup_transfers import key_of, repository_of, ticket_for, wanted_of
from volume.backups.admitting import admit as admitted
from volume.backups.exceptions import BackupDamaged
from volume.backups.objects import BackupPoint, BackupRequest, BackupTaken
from volume.backups.repository import Repository
from volume.models import Backup, Snapshot, Volume
from volume.operations.backup_rows import (
    backup_fault,
    backup_of,
    give_source_back,
    source_volume,
    write_backup,
)
from volume.resolution import GIB, host_of, passphrase_of, snapshot_ref, volume_ref
from volume.rpc import BACKUP, RELEASE_BACKUP
from volume.states import BackupStatus

log = structlog.get_logger(__name__)


def begin(run: Run) -> None:
    """Whatever is stored from here on is taken back by this step's undo."""
    backup_of(run)


def clear(run: Run) -> Job | None:
    """Leave nothing of it in the store."""
    backup = Backup.objects.select_related("lineage").filter(id=run.resource_id).first()
    return None if backup is None else Job(lambda _: remove_all(backup))


def remove_all(backup: Backup) -> None:
    """Remove what a backup that is none has in its store; what is left when that is away goes with its row."""
    try:
        repository = repository_of(backup.lineage)
        repository.delete_manifest(str(backup.id))
        repository.delete(str(backup.id), list(repository.digests(str(backup.id))))
    except (StoreUnavailable, UnknownStore) as error:
        log.warning("left in the store", backup=str(backup.id), error=error.message)


def take(run: Run) -> Order:
    """Order the host to read the volume."""
    backup = backup_of(run)
    volume = _volume(backup)
    ticket = ticket_for(backup, "take")
    request = BackupRequest(
        point=_point(backup, volume),
        url=ticket.url,
        signature=ticket.signature,
        passphrase=passphrase_of(volume),
    )
    return BACKUP.order(host=host_of(volume), resource_id=str(backup.id), payload=request)


def taken(run: Run, answers: list[Any]) -> None:
    """Keep what the host says it read and stored."""
    said = BackupTaken.load(answers[0])
    write_backup(run, changed_bytes=said.changed, stored_bytes=said.stored)


def release(run: Run) -> Order | None:
    """Hold the volume no longer; nothing where it is gone with all of it."""
    backup = backup_of(run)
    volume = source_volume(backup)
    if volume is None:
        return None
    point = _point(backup, volume)
    return RELEASE_BACKUP.order(host=host_of(volume), resource_id=str(backup.id), payload=point)


def admit(run: Run) -> Job:
    """Look whether all that the host named is there, and make it the backup."""
    backup = backup_of(run)
    return Job(lambda running: _admit(running, backup), deadline=timedelta(hours=1))


def _admit(running: Running, backup: Backup) -> Mapping[str, Any]:
    repository, backup_id, size = repository_of(backup.lineage), str(backup.id), backup.size * GIB
    own = set(repository.digests(backup_id))
    manifest = admitted(
        _said(repository, backup_id, size=size),
        wanted_of(backup),
        size=size,
        compression="zstd",
        encryption="none" if key_of(backup.lineage) is None else "aes-256-gcm",
        own=own,
    )
    running.check()
    sha256 = repository.write_manifest(manifest)
    repository.delete_draft(backup_id)
    return {"sha256": sha256, "content": manifest.header.content, "chunks": len(own)}


def _said(repository: Repository, backup_id: str, *, size: int) -> bytes:
    """Return what the host said; after an attempt that died at the end, what was made of it."""
    try:
        return repository.draft(backup_id, size=size)
    except BackupDamaged:
        if not repository.has_manifest(backup_id):
            raise
        return repository.manifest_bytes(backup_id, size=size)


class TakeBackup(Saga):
    """Back up a volume, or a snapshot of it; what failed leaves nothing but its row, with the reason."""

    kind = "volume.backup"
    resource_type = "backup"
    deadline = timedelta(hours=24)
    steps = (
        Step("begin", begin, undo=clear),
        Step("take", take, undo=release, done=taken),
        Step("admit", admit),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It can be restored."""
        result = run.results["admit"]
        write_backup(
            run, status=BackupStatus.AVAILABLE, ticket="", fail_reason="", fault_detail="", **result
        )
        give_source_back(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A failed backup says why; a pre-empted one is being deleted."""
        give_source_back(run)
        if failure is not None:
            write_backup(run, status=BackupStatus.ERROR, ticket="", **backup_fault(failure))

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up needs an operator; the volume can be used all the same."""
        cls.on_undone(run, failure)


def _volume(backup: Backup) -> Volume:
    found = source_volume(backup)
    if found is None:
        raise StepFailed("The volume is gone.")
    return found


def _point(backup: Backup, volume: Volume) -> BackupPoint:
    if backup.snapshot_id is None:
        return BackupPoint(id=str(backup.id), source=volume_ref(volume))
    snapshot = Snapshot.objects.filter(id=backup.snapshot_id).first()
    if snapshot is None:
        raise StepFailed("The snapshot is gone.")
    return BackupPoint(id=str(backup.id), source=snapshot_ref(snapshot, volume))
