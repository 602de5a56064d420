"""A database's server is made anew from an image: its data stay on their volume, and a new guest serves them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from databases import conf, fake_guest, rpc
from databases.mailbox.user_data import user_data
from databases.models import FailoverWatch, LogArchive
from databases.objects import DataVolume, Guard, KeepLog, PrepareDatastore
from databases.operations.actions import DatabaseAction
from databases.operations.create import settings_of
from databases.operations.fencing import server_started, start_server
from databases.operations.letters import asks
from databases.operations.logs import order
from databases.operations.rows import fail, instance_of, parts_context, rest, rest_after, write
from databases.states import OperatingStatus
from instances.manager import InstanceManager
from instances.operations import RebuildInstance
from instances.rebuild_request import RebuildRequest, new_password
from operations.saga import Child, Failure, Run, Step

#: An image without an agent is found out after so long; a stock image fetches its packages meanwhile.
_BOOT = timedelta(minutes=20)


def rebuild_server(run: Run) -> Child:
    """Make the server's disk anew, with a token for a guest that is new, too; the old one counts until that comes."""
    instance = instance_of(run)
    wanted = RebuildRequest(
        image_id=run.args["image_id"],
        admin_password=new_password(),
        user_data=user_data(instance) if conf.GUESTS != "fake" else None,
    )
    manager, key = InstanceManager(parts_context(instance)), str(instance.server_id)
    return Child(RebuildInstance, key, manager.record_rebuild(key, wanted=wanted))


def rebuilt(run: Run, _answers: list[Any]) -> None:
    """Nothing that the old guest was told is known any more; a fake one forgets it, too."""
    write(run, operating_status=OperatingStatus.BUILDING)
    if conf.GUESTS == "fake":
        fake_guest.renew(instance_of(run).id)


def guard(run: Run) -> Guard | None:
    """Have the guest ask first from its first start on, where a replica may take its place."""
    watched = FailoverWatch.objects.filter(instance=instance_of(run)).exists()
    return Guard(asks_first=True) if watched else None


def what_is_there(run: Run) -> PrepareDatastore:
    """Have the guest serve what is on the volume."""
    instance = instance_of(run)
    return PrepareDatastore(
        datastore=instance.version.manager,
        version=instance.version.number,
        volume=DataVolume(serial=str(instance.volume_id)),
        parameters=settings_of(instance),
        require_tls=instance.require_tls,
        keeps_data=True,
    )


def log(run: Run) -> KeepLog | None:
    """Have the guest go on with the log, where it is kept."""
    archive = LogArchive.objects.filter(instance_id=run.resource_id, enabled=True).first()
    return order(archive, enabled=True) if archive else None


class RebuildDatabase(DatabaseAction):
    """Make the server's disk anew and have the new guest serve the data that are there.

    Until the disk is gone all goes back to what it was; what fails later leaves the database in error, to be
    rebuilt again.
    """

    kind = "databases.rebuild"
    steps = (
        Step("rebuild_server", rebuild_server, done=rebuilt),
        Step("start_server", start_server, done=server_started),
        *asks("guard", rpc.GUARD, guard, deadline=_BOOT),
        *asks("prepare", rpc.PREPARE, what_is_there, deadline=_BOOT),
        *asks("keep_log", rpc.KEEP_LOG, log),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It serves again."""
        rest(run, restart_required=False, operating_status=OperatingStatus.HEALTHY)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is as it was, but where the new guest does not serve: that, and what failed before, is in error."""
        if failure is not None and (run.args["failed"] or run.results.get("rebuild_server")):
            fail(run, failure)
        else:
            rest_after(run, failure)
