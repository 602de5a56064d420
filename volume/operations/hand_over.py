"""Tell the host that had a volume of a storage which others reach, too, that one of those has it now.

Else it would take the volume away with all that it made when it leaves the cloud.
"""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from operations import epoch
from operations.saga import NEEDLESS, Run, Saga, Step, StepResult
from volume.models import Volume
from volume.objects import HandedOver, VolumeRef
from volume.resolution import host_of, volume_ref
from volume.rpc import HAND_OVER


def forget(run: Run) -> StepResult:
    """Order the old host to forget it, unless it is that one's again."""
    host = run.args["host"]
    if Volume.objects.filter(id=run.resource_id, pool__host=host).exists():
        return NEEDLESS
    return _order(run, host)


def _order(run: Run, host: str) -> Order:
    volume = VolumeRef.load(run.args["volume"])
    payload = HandedOver(volume=volume, epoch=run.args["epoch"])
    return HAND_OVER.order(host=host, resource_id=f"{volume.id}.keeper", payload=payload)


class HandOver(Saga):
    """Have a volume left to another host where it is no more; a host that is down owes it."""

    kind = "volume.hand_over"
    resource_type = "volume_keeper"
    coalesce = True
    steps = (Step("forget", forget, owes=True, max_failures=10),)


def hand_over(volume: Volume) -> None:
    """Start that for the host that a volume has still; call inside ``atomic()``."""
    args = {"host": host_of(volume), "volume": volume_ref(volume).dump(), "epoch": epoch.draw()}
    HandOver.start(RequestContext.system(), resource_id=str(volume.id), args=args)
