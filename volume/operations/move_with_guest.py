"""Move a volume that only its guest can copy: the guest's hypervisor mirrors it, then goes over to the copy.

So it is where guests reach the storage themselves. Until the copy is whole everything can be taken back; from
the decision on both hold all that the guest writes, and what the volume was goes only after the host
has said that the guest has the copy. A host that is down is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudweb.rpc import Order
from operations.holding import Resource
from operations.saga import CameToNothing, Run, Step
from volume import attaching, guests, relaying
from volume.guests import Copy
from volume.models import Attachment
from volume.objects import UnexportRequest, VolumeConnection, VolumeRef
from volume.operations.moving import (
    Moving,
    claim_room,
    claimed_by,
    decide,
    export,
    make,
    release_room,
    remove_old,
    unexport,
    unmake,
    write_moved,
)
from volume.rpc import UNEXPORT

STAYED = "The server's guest ended, or the copy broke off, before it could go over: the volume is where it was."


def mirror(run: Run) -> Order:
    """Order the guest's copy."""
    return guests.copier().mirror(_copy(run))


def end_mirror(run: Run) -> Order | None:
    """Order it to be one no more."""
    return guests.copier().end_mirror(_copy(run))


def go_over(run: Run) -> Order:
    """Order the guest over."""
    return guests.copier().go_over(_copy(run))


def gone_over(run: Run, answers: list[Any]) -> None:
    """Write down where the volume is now, if the guest has it there."""
    if not _has_gone_over(answers):
        return
    write_moved(run)
    claimed = claimed_by(run)
    row = Attachment.objects.filter(id=claimed["attachment"], volume_id=run.resource_id).first()
    if row is not None:
        relaying.end(row)  # of an earlier move, which now leads nowhere
        attaching.change(row, epoch=claimed["epoch"])
        attaching.exported(row, run.results["export"][0])


def close(run: Run) -> Order:
    """Order that nobody writes to what the volume was; raise CameToNothing where the guest has that."""
    if not _has_gone_over(run.results["go_over"]):
        raise CameToNothing(STAYED)
    claimed = claimed_by(run)
    request = UnexportRequest(
        volume=VolumeRef.load(claimed["from"]),
        attachment_id=claimed["attachment"],
        epoch=claimed["old_epoch"],
        to_host=claimed["copier"],
    )
    return UNEXPORT.order(host=claimed["from_host"], resource_id=request.volume.id, payload=request)


def _has_gone_over(answers: list[Any]) -> bool:
    return all(guests.copier().has_gone_over(one) for one in answers)


def _copy(run: Run) -> Copy:
    return Copy(
        server_id=run.args["server"],
        attachment_id=claimed_by(run)["attachment"],
        after=VolumeConnection.load(run.results["export"][0]),
    )


class MoveWithGuest(Moving):
    """Have a volume in another pool; the guest that uses it copies. The server is held meanwhile."""

    kind = "volume.move_with_guest"
    steps = (
        Step("claim_room", claim_room, undo=release_room),
        Step("make", make, undo=unmake),
        Step("export", export, undo=unexport),
        Step("mirror", mirror, undo=end_mirror),
        Step("decide", decide, pivot=True),
        Step("go_over", go_over, done=gone_over, max_failures=10),
        Step("close", close, owes=True, max_failures=10),
        Step("remove", remove_old, owes=True, max_failures=10),
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The server: nobody reboots it, or takes a disk from it, meanwhile."""
        return guests.holds(args["server"])
