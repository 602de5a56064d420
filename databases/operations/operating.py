"""What operators do to a database: its datastore stopped, its server rebooted or brought to another host."""

from __future__ import annotations

from databases import rpc
from databases.operations.actions import DatabaseAction, nothing
from databases.operations.fencing import server_started, start, start_server
from databases.operations.letters import asks
from databases.operations.resize import give_size_back, keep_size
from databases.operations.rows import instance_of, parts_context, rest, write
from databases.states import OperatingStatus
from instances.manager import InstanceManager
from instances.operations import RebootInstance, ResizeInstance
from operations.saga import Child, Run, Step


class StopDatabase(DatabaseAction):
    """Have the datastore end in good order; it serves again when it is restarted."""

    kind = "databases.stop"
    steps = asks("stop", rpc.STOP, nothing)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It serves no more."""
        rest(run, operating_status=OperatingStatus.SHUTDOWN)


def reboot_server(run: Run) -> Child:
    """Reboot the server: its agent is asked to end in good order, and pulled down where it does not.

    One that is off is started.
    """
    instance = instance_of(run)
    return start(instance) or Child(RebootInstance, str(instance.server_id), {"kind": "SOFT"})


class RebootDatabase(DatabaseAction):
    """Reboot the server, and have the datastore serve again."""

    kind = "databases.reboot"
    steps = (
        Step("reboot_server", reboot_server, done=server_started),
        *asks("start", rpc.START, nothing),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It serves again."""
        rest(run, restart_required=False, operating_status=OperatingStatus.HEALTHY)


def move_server(run: Run) -> Child:
    """Bring the server to another host, off meanwhile."""
    instance = instance_of(run)
    manager, key = InstanceManager(parts_context(instance)), str(instance.server_id)
    return Child(ResizeInstance, key, manager.record_migration(key, host=run.args["host"]))


def note_move(run: Run) -> None:
    """Say that it was changed; from here on it stays there."""
    write(run)


class MigrateDatabase(DatabaseAction):
    """Bring the server to another host, and have the datastore serve again."""

    kind = "databases.migrate"
    steps = (
        Step("move_server", move_server, undo=give_size_back),
        Step("note_move", note_move, pivot=True),
        Step("keep_place", keep_size),
        Step("start_server", start_server, done=server_started),
        *asks("start", rpc.START, nothing),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It serves again, there."""
        rest(run, operating_status=OperatingStatus.HEALTHY)
