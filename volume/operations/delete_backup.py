"""Delete a backup, and the chunks that no other one names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import structlog
from django.db.models import QuerySet

from cloudweb.database.locks import locked
from operations.jobs import Running
from operations.saga import Failure, Job, Run, Saga, Step
from volume.backup_transfers import manifest_of, repository_of
from volume.backups.collecting import collect
from volume.backups.exceptions import BackupDamaged, BackupUnreadable
from volume.backups.manifest import Manifest
from volume.models import Backup, BackupLineage
from volume.operations.backup_rows import backup_fault, backup_of, write_backup
from volume.states import BackupStatus

log = structlog.get_logger(__name__)


def mark(run: Run) -> None:
    """Nothing is made of it any more."""
    write_backup(run, status=BackupStatus.DELETING, ticket="")


def remove(run: Run) -> Job:
    """Remove what it alone names; from a store that is away it is tried again."""
    backup = backup_of(run)
    return Job(lambda running: _remove(running, backup), deadline=timedelta(hours=6))


def _remove(running: Running, backup: Backup) -> None:
    repository, backup_id = repository_of(backup.lineage), str(backup.id)
    others = _others(backup)
    origins = {backup_id, *_origins(backup)}
    if not others.exists():
        origins |= set(repository.backups())
    # What is being taken writes its own chunks alone, and is in no manifest yet.
    origins -= {str(one) for one in others.filter(sha256="").values_list("id", flat=True)}
    try:
        # Its own manifest goes last: a removal that broke off finds again what it began with.
        collect(repository, origins, _living(backup), on_chunk=running.check)
    except (BackupDamaged, BackupUnreadable) as error:
        log.warning(
            "chunks stay: another backup cannot be read", backup=backup_id, error=str(error)
        )
    running.check()
    repository.delete_manifest(backup_id)


def _origins(backup: Backup) -> list[str]:
    if not backup.sha256:
        return []
    try:
        return manifest_of(backup).header.origins
    except (BackupDamaged, BackupUnreadable):
        return []


def _others(gone: Backup) -> QuerySet[Backup]:
    """Return those of its lineage that stay; one that is being deleted, too, needs nothing any more."""
    rows: QuerySet[Backup] = Backup.objects.filter(lineage=gone.lineage_id)
    ending = (BackupStatus.DELETING, BackupStatus.ERROR_DELETING)
    return rows.exclude(id=gone.id).exclude(status__in=ending)


def _living(gone: Backup) -> Iterator[Manifest]:
    for row in _others(gone).exclude(sha256="").select_related("lineage"):
        yield manifest_of(row)


class DeleteBackup(Saga):
    """Make a backup absent; those that share chunks with it keep them."""

    kind = "volume.delete_backup"
    resource_type = "backup"
    deadline = timedelta(hours=12)
    steps = (Step("mark", mark), Step("remove", remove, max_failures=10))

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Nothing is left of it, nor of its lineage if it was the last."""
        lineage = BackupLineage.objects.filter(backups__id=run.resource_id).first()
        Backup.objects.filter(id=run.resource_id).delete()
        if lineage is None:
            return
        held = locked(BackupLineage.objects.filter(id=lineage.id)).first()
        if held is not None and not held.backups.exists():
            held.delete()

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The store would not: it may be deleted again."""
        if failure is not None:
            write_backup(run, status=BackupStatus.ERROR_DELETING, **backup_fault(failure))
