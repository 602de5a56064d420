"""A guest is told to send its datastore's log as it is written, or to do so no longer."""

from __future__ import annotations

from typing import Any

from cloudweb.rpc import Method
from databases import conf, rpc
from databases.dumps import logs, tickets
from databases.models import LogArchive
from databases.moments import said
from databases.objects import KeepLog
from databases.operations.actions import DatabaseAction
from databases.operations.letters import asks
from databases.operations.restoring import METADATA
from databases.operations.rows import rest, rest_after
from operations.saga import Failure, Run


def archive_of(run: Run) -> LogArchive:
    """Return the archive of an operation's instance."""
    return LogArchive.objects.get(instance_id=run.resource_id)


def what_to_keep(run: Run) -> KeepLog:
    """Return where the log goes; from now on its pieces are taken, or no more."""
    archive, enabled = archive_of(run), run.args["enabled"]
    LogArchive.objects.filter(id=archive.id).update(enabled=enabled)
    return order(archive, enabled=enabled)


def as_before(run: Run) -> tuple[Method[Any], KeepLog]:
    """Return what takes the order back."""
    return rpc.KEEP_LOG, order(archive_of(run), enabled=run.args["before"])


def order(archive: LogArchive, *, enabled: bool) -> KeepLog:
    """Return what a guest is told of an archive."""
    if not enabled:
        return KeepLog(archive=str(archive.id))
    last = archive.pieces.order_by("-number").first()
    path = tickets.log_path(archive.id, instance_id=archive.instance_id)
    return KeepLog(
        archive=str(archive.id),
        url=f"{METADATA}/{path}",
        number=last.number + 1 if last else 1,
        every=conf.LOG_EVERY,
        most=logs.MOST,
        run=last.run if last else "",
        position=said(last.ends) if last else "",
    )


class KeepDatabaseLog(DatabaseAction):
    """Have the guest send the log, so that one can go back to any moment; or have it end that."""

    kind = "databases.keep_log"
    steps = asks("keep_log", rpc.KEEP_LOG, what_to_keep, back=as_before)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It does."""
        rest(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is as it was, and says why."""
        LogArchive.objects.filter(instance_id=run.resource_id).update(enabled=run.args["before"])
        rest_after(run, failure)
