"""Relays: a volume that was moved while a guest had it is reached through the host that had it before.

That host goes on serving the guest and writes where the volume is now, by the attachment's export there.
So it is cut off with that, as any guest's host is. What stands on it still when the attachment ends,
or is made anew, is taken away in its own time; a host that is down owes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from operations.saga import Run, Saga, Step
from volume.models import Attachment
from volume.objects import ResizeRequest, UnexportRequest, VolumeRef
from volume.rpc import DELETE, RESIZE, UNEXPORT


def relay(*, host: str, volume: VolumeRef, epoch: int) -> dict[str, Any]:
    """Return what an attachment keeps of its relay: the host, what the volume was there, its epoch there."""
    return {"host": host, "volume": volume.dump(), "epoch": epoch}


def end(row: Attachment) -> None:
    """Start taking an attachment's relay away, if it has one; call inside ``atomic()``."""
    if not row.relay:
        return
    args = {**row.relay, "attachment_id": str(row.id)}
    EndRelay.start(RequestContext.system(), resource_id=args["volume"]["data"]["id"], args=args)
    Attachment.objects.filter(id=row.id).update(relay={})
    row.relay = {}


def resize_order(row: Attachment, size: int) -> Order:
    """Return the order that lets who is behind an attachment's relay see the volume's size (bytes)."""
    volume = _volume(row.relay)
    request = ResizeRequest(volume=volume, size=size)
    return RESIZE.order(host=row.relay["host"], resource_id=volume.id, payload=request)


def _volume(args: Mapping[str, Any]) -> VolumeRef:
    return VolumeRef.load(args["volume"])


def cut_off(run: Run) -> Order:
    """Order the relay to serve nobody."""
    request = UnexportRequest(
        volume=_volume(run.args),
        attachment_id=run.args["attachment_id"],
        epoch=run.args["epoch"],
    )
    return UNEXPORT.order(host=run.args["host"], resource_id=run.resource_id, payload=request)


def remove(run: Run) -> Order:
    """Order away what is left there of the volume."""
    volume = _volume(run.args)
    return DELETE.order(host=run.args["host"], resource_id=run.resource_id, payload=volume)


class EndRelay(Saga):
    """Take away what stood between a guest and its volume; it is about what the volume was there."""

    kind = "volume.end_relay"
    resource_type = "volume_relay"
    steps = (
        Step("cut_off", cut_off, owes=True, max_failures=10),
        Step("remove", remove, owes=True, max_failures=10),
    )
