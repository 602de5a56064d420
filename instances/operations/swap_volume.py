"""Let a server that runs go over from one volume to another: its guest sees the same disk all the time.

``args``: ``device`` is the row of the disk, ``before`` the attachment of what is under it, ``after`` that of
what shall be. Until the decision everything can be taken back; from then on both hold all that the guest writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from cloudweb.exceptions import NotFound
from cloudweb.rpc import Order
from compute.objects import EndMirrorRequest, SwapDiskRequest, SwapState
from compute.rpc import END_MIRROR, MIRROR_DISK, SWAP_DISK
from instances.models import BlockDevice
from instances.operations.rows import DISKS, instance_of, no_task
from instances.operations.volumes import device_of, served, volumes_exported
from instances.states import TaskState
from operations.saga import CameToNothing, Failure, Run, Saga, Step, StepFailed
from volume.manager import AttachmentManager, SwapManager

STAYED = (
    "The server's guest ended, or the copy broke off, before it could go over: it has the volume that it "
    "had."
)


def export(run: Run) -> Order:
    """Order the new volume to be there for the server's host."""
    return AttachmentManager(run.context).export_order(run.args["after"], instance_of(run).host)


def unexport_new(run: Run) -> Order | None:
    """Order that nobody writes to the new one through this."""
    return _cut_off(run, run.args["after"])


def unexport_old(run: Run) -> Order | None:
    """Order that nobody writes to the old one through this; raise CameToNothing where the guest has that."""
    answers: Sequence[Any] = run.results.get("go_over") or ()
    if not answers or not _says_swapped(answers):
        raise CameToNothing(STAYED)
    return _cut_off(run, run.args["before"])


def _says_swapped(answers: Sequence[Any]) -> bool:
    """Read what the host says; one that is down, and owes it, will let the guest go over."""
    return all(SwapState.load(answer).swapped for answer in answers if "debt" not in answer)


def _cut_off(run: Run, attachment_id: str) -> Order | None:
    try:
        return AttachmentManager(run.context).unexport_order(attachment_id)
    except NotFound:  # an operator took it away
        return None


def _request(run: Run) -> SwapDiskRequest | None:
    """Say what is exchanged for what; None where an operator took the new one away."""
    row, instance = device_of(run), instance_of(run)
    after = served(run, row, run.args["after"])
    if after is None:
        return None
    return SwapDiskRequest(
        id=str(instance.id),
        name=instance.hypervisor_name,
        before=served(run, row, run.args["before"]) or after,
        disk=after,
    )


def mirror(run: Run) -> Order:
    """Order the new volume to hold all that the old one does."""
    request = _request(run)
    if request is None:
        raise StepFailed("The volume is not served.")
    return MIRROR_DISK.order(host=instance_of(run).host, resource_id=request.id, payload=request)


def end_mirror(run: Run) -> Order:
    """Order the guest to write to the old one alone."""
    row, instance = device_of(run), instance_of(run)
    request = EndMirrorRequest(
        id=str(instance.id),
        name=instance.hypervisor_name,
        serial=row.known_as,
        target=run.args["volume"],
    )
    return END_MIRROR.order(host=instance.host, resource_id=request.id, payload=request)


def go_over(run: Run) -> Order | None:
    """Order the guest over; nothing where an operator took the new one away."""
    request = _request(run)
    if request is None:
        return None
    return SWAP_DISK.order(host=instance_of(run).host, resource_id=request.id, payload=request)


def decide(run: Run) -> None:
    """From here on the guest has the new one, unless its host says that it cannot."""


def gone_over(run: Run, answers: list[Any]) -> None:
    """Write down that the disk lies in the new volume; the guest knows it by the name of before."""
    if not _says_swapped(answers):
        return
    row = device_of(run)
    volume = SwapManager(run.context).take_over(
        run.args["before"], run.args["after"], f"/dev/{row.name}"
    )
    serial = row.serial or row.volume_id
    BlockDevice.objects.filter(pk=row.pk).update(
        volume_id=volume.id,
        attachment_id=run.args["after"],
        serial=None if serial == volume.id else serial,
        size=volume.size,
        made_here=False,
    )
    run.memory.pop(DISKS, None)


class SwapVolume(Saga):
    """Exchange what is under a disk of a server. It is one or the other, and nothing written is missing."""

    kind = "instances.swap_volume"
    resource_type = "instance"
    deadline = timedelta(hours=36)
    steps = (
        Step("export", export, undo=unexport_new, done=volumes_exported),
        Step("mirror", mirror, undo=end_mirror),
        Step("decide", decide, pivot=True),
        Step("go_over", go_over, done=gone_over, owes=True, max_failures=10),
        Step("unexport", unexport_old, owes=True, max_failures=10),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The old one is its project's again."""
        AttachmentManager(run.context).delete(run.args["before"])
        no_task(run, TaskState.SWAPPING_VOLUME)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """All is as it was; the new one is its project's again."""
        manager = AttachmentManager(run.context)
        manager.delete(run.args["after"])
        with suppress(NotFound):
            manager.roll_detaching(run.args["before"])
        no_task(run, TaskState.SWAPPING_VOLUME)
