"""Move a volume to another pool, in use or not: make it there, copy, let its users go over, remove it here.

The volume there is called something else (``name_id``), so that both can be on one host or one cluster.
Until the copy is whole the volume is where it was, and everything else can be taken back. Who has the
volume goes over in one moment on its host; from the decision to do so there is only forward.
"""

from __future__ import annotations

from typing import Any

from cloudweb.rpc import Order
from operations.saga import Run, Step
from volume import relaying
from volume.models import Attachment
from volume.objects import CopyRequest, VolumeConnection, VolumeRef
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
from volume.operations.rows import volume_of
from volume.resolution import passphrase_of
from volume.rpc import COPY, END_COPY, FOLLOW


def copy(run: Run) -> Order:
    """Order the copy; of a volume in use it goes on being one until they follow."""
    return COPY.order(
        host=claimed_by(run)["from_host"], resource_id=run.resource_id, payload=_request(run)
    )


def end_copy(run: Run) -> Order:
    """Order it to be one no more."""
    return END_COPY.order(
        host=claimed_by(run)["from_host"], resource_id=run.resource_id, payload=_request(run)
    )


def follow(run: Run) -> Order:
    """Order those who have the volume over to the copy."""
    return FOLLOW.order(
        host=claimed_by(run)["from_host"], resource_id=run.resource_id, payload=_request(run)
    )


def followed(run: Run, _: list[Any]) -> None:
    """Write down where the volume is now, and through which host its guest reaches it."""
    claimed = claimed_by(run)
    write_moved(run)
    row = Attachment.objects.filter(id=claimed["attachment"], volume_id=run.resource_id).first()
    if row is not None:
        relaying.end(row)  # of an earlier move, which now leads nowhere
        before = VolumeRef.load(claimed["from"])
        Attachment.objects.filter(id=row.id).update(
            epoch=max(row.epoch, claimed["epoch"]),
            relay=relaying.relay(host=claimed["from_host"], volume=before, epoch=row.epoch),
        )


def close(run: Run) -> Order | None:
    """Order the host that had the volume to be let in no more, unless a guest reaches it through that."""
    return None if _is_reached(run) else unexport(run)


def remove(run: Run) -> Order | None:
    """Order away what the volume was, unless a guest reaches it through that."""
    return None if _is_reached(run) else remove_old(run)


def _request(run: Run) -> CopyRequest:
    return CopyRequest(
        id=str(run.operation.id),
        volume=VolumeRef.load(claimed_by(run)["from"]),
        target=VolumeConnection.load(run.results["export"][0]),
        passphrase=passphrase_of(volume_of(run)),
    )


def _is_reached(run: Run) -> bool:
    rows = Attachment.objects.filter(id=claimed_by(run)["attachment"], volume_id=run.resource_id)
    return any(row.relay for row in rows)


class MoveVolume(Moving):
    """Have a volume in another pool; the host that has it copies, whoever uses it meanwhile."""

    kind = "volume.move"
    steps = (
        Step("claim_room", claim_room, undo=release_room),
        Step("make", make, undo=unmake),
        Step("export", export, undo=unexport),
        Step("copy", copy, undo=end_copy),
        Step("decide", decide, pivot=True),
        Step("follow", follow, done=followed, max_failures=10),
        Step("close", close, owes=True, max_failures=10),
        Step("remove", remove, owes=True, max_failures=10),
    )
