"""Restore a backup: into a volume that is there, or into one that is made for it."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from cloudweb.database.clock import now
from cloudweb.rpc import Order
from operations.saga import Child, Failure, Run, Saga, Step
from volume.backup_transfers import ticket_for
from volume.backups.objects import RestoreRequest
from volume.models import Backup, Volume
from volume.operations.backup_rows import backup_of, write_backup
from volume.operations.create_volume import CreateVolume
from volume.operations.rows import fault, volume_of, write
from volume.resolution import host_of, passphrase_of, volume_ref
from volume.rpc import RESTORE
from volume.states import BackupStatus, VolumeStatus


def overwrite(run: Run) -> Order:
    """Order the volume's host to write the backup over it."""
    volume, backup = volume_of(run), backup_of(run, run.args["backup_id"])
    # From here on it may hold half of one and half of the other, whatever ends this.
    broken = VolumeStatus.ERROR_RESTORING
    write(run, status=VolumeStatus.RESTORING_BACKUP, previous_status=broken)
    ticket = ticket_for(backup, "restore")
    request = RestoreRequest(
        volume=volume_ref(volume),
        backup_id=str(backup.id),
        url=ticket.url,
        signature=ticket.signature,
        passphrase=passphrase_of(volume),
    )
    return RESTORE.order(host=host_of(volume), resource_id=str(volume.id), payload=request)


class RestoreVolume(Saga):
    """Write a backup over a volume; what broke off can be tried again, the volume is in error until then."""

    kind = "volume.restore"
    resource_type = "volume"
    deadline = timedelta(hours=24)
    steps = (Step("overwrite", overwrite),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is what was backed up."""
        backup = Backup.objects.filter(id=run.args["backup_id"]).first()
        facts = {} if backup is None else backup.volume_facts
        write(run, status=VolumeStatus.AVAILABLE, **facts)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It holds half of one and half of the other."""
        if failure is not None and Volume.objects.filter(id=run.resource_id).exists():
            write(run, status=VolumeStatus.ERROR_RESTORING, **fault(failure))


def make_volume(run: Run) -> Child | None:
    """Have the volume made, if it was not there; one that cannot be stays, and says why."""
    if run.args["new"] is None:
        return None
    return Child(CreateVolume, run.args["volume_id"], run.args["new"])


def restore(run: Run) -> Child:
    """Have the backup written over it."""
    return Child(RestoreVolume, run.args["volume_id"], {"backup_id": run.resource_id})


def let_go(run: Run) -> None:
    """It can be restored again."""
    write_backup(run, status=BackupStatus.AVAILABLE, ticket="")


class RestoreBackup(Saga):
    """Restore a backup; however that ends, the backup is as it was."""

    kind = "volume.restore_backup"
    resource_type = "backup"
    deadline = timedelta(hours=25)
    steps = (
        Step("make_volume", make_volume),
        Step("restore", restore),
        Step("let_go", let_go),
    )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A volume that nothing was written to is as it was; else it says what went wrong."""
        Volume.objects.filter(
            id=run.args["volume_id"], status=VolumeStatus.RESTORING_BACKUP
        ).update(status=F("previous_status"), updated_at=now())
        if failure is not None:
            write_backup(run, status=BackupStatus.AVAILABLE, ticket="")

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """It can be restored again."""
        cls.on_undone(run, failure)
