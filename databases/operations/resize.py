"""A database gets another size: its server's, or its volume's."""

from __future__ import annotations

from databases import rpc
from databases.objects import VolumeSize
from databases.operations.actions import DatabaseAction, nothing
from databases.operations.fencing import server_started, start_server
from databases.operations.letters import asks
from databases.operations.rows import instance_of, parts_context, rest, write
from databases.states import OperatingStatus
from instances.manager import InstanceManager
from instances.operations import ConfirmResize, ResizeInstance, RevertResize
from instances.states import VmState
from operations.saga import Child, Run, Step
from volume.manager import VolumeManager
from volume.operations import ExtendVolume
from volume.resolution import GIB


def resize_server(run: Run) -> Child:
    """Give the server the flavor."""
    instance = instance_of(run)
    manager, key = InstanceManager(parts_context(instance)), str(instance.server_id)
    return Child(ResizeInstance, key, manager.record_resize(key, flavor_id=run.args["flavor_id"]))


def give_size_back(run: Run) -> Child | None:
    """Let the server have the flavor it had, where it waits for that decision."""
    instance = instance_of(run)
    key, manager = str(instance.server_id), InstanceManager(parts_context(instance))
    if manager.get(key).vm_state != VmState.RESIZED:
        return None
    return Child(RevertResize, key, manager.record_reversal(key))


def note_flavor(run: Run) -> None:
    """Say what the server is now; from here on it stays so."""
    write(run, flavor_id=run.args["flavor_id"], ram=run.args["ram"])


def keep_size(run: Run) -> Child:
    """Let it stay so."""
    instance = instance_of(run)
    key = str(instance.server_id)
    args = InstanceManager(parts_context(instance)).record_confirmation(key)
    return Child(ConfirmResize, key, args)


class ResizeDatabase(DatabaseAction):
    """Give the server another flavor, off meanwhile, and have the datastore serve again, also where it had died."""

    kind = "databases.resize"
    steps = (
        Step("resize_server", resize_server, undo=give_size_back),
        Step("note_flavor", note_flavor, pivot=True),
        Step("keep_size", keep_size),
        Step("start_server", start_server, done=server_started),
        *asks("start", rpc.START, nothing),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It serves again, in the new size."""
        rest(run, operating_status=OperatingStatus.HEALTHY)


def extend_volume(run: Run) -> Child | None:
    """Give the volume the size, while it is in use; it may have it since an attempt before."""
    instance, size = instance_of(run), run.args["size"]
    key, manager = str(instance.volume_id), VolumeManager(parts_context(instance))
    if manager.get(key).size >= size:
        return None
    manager.record_extension(key, size=size)
    return Child(ExtendVolume, key, {"size": size})


def note_size(run: Run) -> None:
    """Say how large the volume is now; it does not shrink again."""
    write(run, volume_size=run.args["size"])


def room(run: Run) -> VolumeSize:
    """Tell the guest how large its disk is to be."""
    return VolumeSize(size=run.args["size"] * GIB)


class GrowDatabase(DatabaseAction):
    """Let the volume grow, and the file system on it; it serves meanwhile."""

    kind = "databases.grow"
    steps = (
        Step("extend_volume", extend_volume),
        Step("note_size", note_size, pivot=True),
        *asks("grow", rpc.GROW_FILESYSTEM, room),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It has the room."""
        rest(run)
