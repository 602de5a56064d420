"""Make a server anew that boots from a volume: the volume is written anew from an image, and stays its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

from cloudweb.exceptions import NotFound
from cloudweb.rpc import Order
from instances.models import BlockDevice
from instances.operations import power, volumes
from instances.operations.create import spawn_guest
from instances.operations.rebuild import (
    RebuildInstance,
    power_on_again,
    stop_again,
    wipe,
    wiped,
)
from instances.operations.rescue import power_off
from instances.operations.rows import block_devices_of, instance_of
from operations.saga import Child, Failure, Run, Step, StepFailed
from volume.manager import AttachmentManager, VolumeManager
from volume.operations import ReimageVolume


def _root(run: Run) -> BlockDevice:
    found = _find_root(run)
    if found is None:
        raise StepFailed("The server has no volume to boot from.")
    return found


def _find_root(run: Run) -> BlockDevice | None:
    held = (row for row in block_devices_of(run) if row.attachment_id is not None)
    return next((row for row in held if row.is_root), None)


def cut_off(run: Run) -> Order | None:
    """Order that nobody writes to the volume through the server any more; nothing where nobody could."""
    key = str(_root(run).attachment_id)
    order = AttachmentManager(run.context).unexport_order(key)
    if order is None:
        AttachmentManager(run.context).leave_host(key)
    return order


def is_cut_off(run: Run, answers: list[Any]) -> None:
    """It is the server's still, which has it on no host."""
    AttachmentManager(run.context).leave_host(str(_root(run).attachment_id))


def write_anew(run: Run) -> Child:
    """Have the volume written anew."""
    return Child(ReimageVolume, str(_root(run).volume_id), run.args["reimage"])


class RebuildInVolume(RebuildInstance):
    """As any server is made anew; ``args["reimage"]`` is what ReimageVolume is told, and ``was``, the status.

    The volume was taken when it was asked for: what cannot be written is refused before the guest is touched.
    """

    kind = "instances.rebuild_in_volume"
    steps: ClassVar[Sequence[Step]] = (
        Step("power_off", power_off, undo=power_on_again),
        Step("wipe", wipe, done=wiped),
        Step("cut_off", cut_off, done=is_cut_off),
        Step("write_anew", write_anew),
        Step("plug_ports", power.connect, done=power.connected),
        Step("spawn", spawn_guest),
        Step("stop_again", stop_again),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It has all its volumes again."""
        volumes.in_the_server(run)
        super().on_done(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A volume that was not begun to be written is as it was; a server in error has its own still."""
        _give_back(run)
        super().on_undone(run, failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """So it is where an operator has to look."""
        _give_back(run)
        super().on_stuck(run, failure)


def _give_back(run: Run) -> None:
    root = _find_root(run)
    if root is None:
        return
    was = run.args["reimage"]["was"]
    VolumeManager(run.context).leave_as_it_is(str(root.volume_id), was=was)
    if not instance_of(run).before_rebuild:
        with suppress(NotFound):  # an operator took it away
            AttachmentManager(run.context).leave_host(str(root.attachment_id))
