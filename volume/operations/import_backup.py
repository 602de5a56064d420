"""Import a backup's record: what it says must be in the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from operations.saga import Failure, Job, Run, Saga, Step
from volume.backup_transfers import manifest_of, repository_of
from volume.backups.exceptions import BackupDamaged
from volume.models import Backup
from volume.operations.backup_rows import backup_fault, backup_of, write_backup
from volume.resolution import GIB
from volume.states import BackupStatus


def find(run: Run) -> Job:
    """Read its manifest, and look for the chunks it wrote itself."""
    backup = backup_of(run)
    return Job(lambda _: _find(backup), deadline=timedelta(hours=1))


def _find(backup: Backup) -> Mapping[str, Any]:
    manifest = manifest_of(backup)
    if manifest.header.size != backup.size * GIB:
        raise BackupDamaged("The record's size is not that of the backup.")
    own = set(repository_of(backup.lineage).digests(str(backup.id)))
    if any(place and place[0] == 0 and place[1] not in own for place in manifest.table):
        raise BackupDamaged("Chunks of the backup are gone.")
    return {"content": manifest.header.content, "chunks": len(own)}


class ImportBackup(Saga):
    """Take up a backup that is in a store already."""

    kind = "volume.import_backup"
    resource_type = "backup"
    deadline = timedelta(hours=2)
    steps = (Step("find", find),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It can be restored."""
        write_backup(run, status=BackupStatus.AVAILABLE, **run.results["find"])

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is none; its record says why."""
        if failure is not None:
            write_backup(run, status=BackupStatus.ERROR, **backup_fault(failure))
