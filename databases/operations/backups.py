"""A database is backed up by its guest, and a backup is removed with its data."""

from __future__ import annotations

from typing import Any

from cloudweb.database.clock import now
from databases import rpc
from databases.dumps import repository, tickets
from databases.dumps.transfers import data_of, folder_of
from databases.models import Backup
from databases.objects import DumpMade, DumpRequest, UploadTarget
from databases.operations.actions import DatabaseAction
from databases.operations.letters import answer_to, asks
from databases.operations.restoring import METADATA
from databases.operations.rows import fail, instance_of, rest, rest_after
from databases.states import BackupStatus
from operations.jobs import Running
from operations.saga import Failure, Job, Run, Saga, Step, StepFailed

#: What no backup has, in bytes.
LARGEST = 1 << 60


def backup_of(run: Run) -> Backup:
    """Return the backup that an operation takes."""
    return Backup.objects.select_related("parent").get(id=run.args["backup"])


def write(run: Run, **values: Any) -> None:
    """Change its row."""
    Backup.objects.filter(id=run.args["backup"]).update(updated_at=now(), **values)


def dump(run: Run) -> DumpRequest:
    """Return what the guest is to send, and by which paths."""
    instance, backup = instance_of(run), backup_of(run)
    write(run, status=BackupStatus.BUILDING)
    paths = (
        tickets.path_of("write", backup.id, number, instance_id=instance.id)
        for number in range(1, repository.MOST_PARTS + 1)
    )
    target = UploadTarget(
        urls=tuple(f"{METADATA}/{path}" for path in paths),
        part_size=repository.part_size(instance.volume_size << 30),
    )
    return DumpRequest(
        backup_id=str(backup.id),
        kind="incremental" if backup.parent else "full",
        since=backup.parent.position if backup.parent else "",
        target=target,
    )


def complete(run: Run) -> Job | None:
    """Make a whole backup of the parts that the guest sent; a fake one sends none."""
    made = answer_to(run, "dump", DumpMade)
    words = {"kind": made.backup_type, "checksum": made.checksum, "position": made.position}
    longest = {field.name: getattr(field, "max_length", 0) for field in Backup._meta.fields}
    if not 0 <= made.size < LARGEST or any(
        len(word) > longest[name] for name, word in words.items()
    ):
        raise StepFailed("The database's guest said of its backup what cannot be.")
    write(run, status=BackupStatus.SAVING)
    if not made.parts:
        return None
    backup = backup_of(run)
    receipts = [part.etag for part in sorted(made.parts, key=lambda part: part.number)]

    def work(running: Running) -> None:
        running.check()
        data_of(backup).complete(receipts, sha256=made.checksum)

    return Job(work)


def forget(run: Run) -> Job:
    """Leave nothing of the data, and of those that add to it."""
    rows = named(run)

    def work(running: Running) -> None:
        for one in rows:
            running.check()
            data_of(one).delete()

    return Job(work)


def named(run: Run) -> list[Backup]:
    """Return the backups that an operation is about, those that add to others first."""
    keys = run.args.get("backups") or [run.args["backup"]]
    rows = {str(one.id): one for one in Backup.objects.filter(id__in=keys)}
    return [rows[key] for key in keys if key in rows]


class BackUpDatabase(DatabaseAction):
    """Have the guest send a backup part by part; it counts once all of it is there."""

    kind = "databases.back_up"
    steps = (
        *asks("dump", rpc.BACKUP, dump),
        Step("complete", complete, undo=forget),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It can be restored."""
        made = answer_to(run, "dump", DumpMade)
        write(
            run,
            status=BackupStatus.COMPLETED,
            size=made.size,
            checksum=made.checksum,
            kind=made.backup_type,
            position=made.position,
            parts=[[part.number, part.size] for part in made.parts],
            location=f"{folder_of(backup_of(run))}/{made.backup_id}",
            taken_at=now(),
        )
        rest(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A dump that failed never becomes a backup; the database is as it was."""
        write(run, status=BackupStatus.FAILED, fault_message=failure.public if failure else "")
        rest_after(run, None if failure is None else Failure(failure.code, ""))

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """An operator is needed."""
        write(run, status=BackupStatus.FAILED, fault_message=failure.public)
        fail(run, failure)


class DeleteDatabaseBackup(Saga):
    """Remove a backup's data, then its row."""

    kind = "databases.delete_backup"
    resource_type = "database_backup"
    steps = (Step("forget", forget),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is gone."""
        for one in named(run):
            one.delete()

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The next delete goes on."""
        Backup.objects.filter(id__in=[one.id for one in named(run)]).update(
            status=BackupStatus.DELETE_FAILED,
            fault_message=failure.public if failure else "",
            updated_at=now(),
        )
