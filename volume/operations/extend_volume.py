"""Extend a volume, in use or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudweb.events import emit
from cloudweb.rpc import Order
from operations.saga import Failure, Run, Saga, Step
from volume import relaying, scheduler
from volume.events import VolumeExtended
from volume.exceptions import NoValidPool
from volume.models import Attachment, Volume
from volume.objects import ResizeRequest
from volume.operations.rows import fault, tell, volume_of, write
from volume.resolution import GIB, host_of, passphrase_of, volume_ref
from volume.rpc import RESIZE
from volume.states import VolumeStatus


def claim_room(run: Run) -> Mapping[str, Any]:
    """Take the room that it will have more."""
    volume = volume_of(run)
    more = run.args["size"] - volume.size
    pool = str(volume.pool_id)
    scheduler.grow(run.context, volume_id=str(volume.id), pool_id=pool, size=more)
    return {"pool": pool, "more": more}


def release_room(run: Run) -> None:
    """Give it back."""
    if run.result:
        scheduler.shrink(run.result["pool"], run.result["more"])


def resize(run: Run) -> Order:
    """Order the new size; who has it in use is told by its own host."""
    volume = volume_of(run)
    size, key = run.args["size"] * GIB, passphrase_of(volume)
    request = ResizeRequest(volume=volume_ref(volume), size=size, passphrase=key)
    return RESIZE.order(host=host_of(volume), resource_id=str(volume.id), payload=request)


def resize_relays(run: Run) -> list[Order] | None:
    """Order it shown to who has it through the host where it was; one that is down opens it anew anyway."""
    if volume_of(run).previous_status != VolumeStatus.IN_USE:
        return None
    rows = Attachment.objects.filter(volume_id=run.resource_id)
    return [relaying.resize_order(row, run.args["size"] * GIB) for row in rows if row.relay]


class ExtendVolume(Saga):
    """Take more room and have the volume grow; what failed may be tried again, it never shrinks."""

    kind = "volume.extend"
    resource_type = "volume"
    steps = (
        Step("claim_room", claim_room, undo=release_room),
        Step("resize", resize),
        Step("resize_relays", resize_relays, owes=True, max_failures=10),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It has its size, and is used as before."""
        write(run, size=run.args["size"], wanted_size=None, status=volume_of(run).previous_status)
        emit(VolumeExtended(volume_id=run.resource_id, size=run.args["size"]))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Without room it is as it was; else its size is uncertain until it is tried again."""
        values: dict[str, Any] = {"wanted_size": None}
        if failure is not None:
            rests = failure.code == NoValidPool.code
            values |= fault(failure)
            tell(run, "extend", failure)
            values["status"] = (
                volume_of(run).previous_status if rests else VolumeStatus.ERROR_EXTENDING
            )
        if Volume.objects.filter(id=run.resource_id).exists():
            write(run, **values)
