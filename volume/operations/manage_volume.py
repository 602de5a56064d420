"""A volume that others made becomes ours: its pool counts it, its host gives it our name."""

from __future__ import annotations

from typing import Any

from cloudweb.rpc import Order
from operations.saga import Failure, Run, Saga, Step
from volume import scheduler
from volume.models import Pool
from volume.objects import ManageRequest, UnmanageRequest, VolumeState
from volume.operations.rows import fault, tell, volume_of, write
from volume.resolution import GIB, host_of, volume_ref
from volume.rpc import MANAGE, UNMANAGE
from volume.states import VolumeStatus


def claim_room(run: Run) -> None:
    """Count it where it lies; it has its room already."""
    volume = volume_of(run)
    scheduler.shrink(run.args["pool_id"], -volume.size)
    write(run, pool=Pool.objects.get(id=run.args["pool_id"]))


def release_room(run: Run) -> None:
    """Count it no more."""
    scheduler.release(run.resource_id)
    write(run, format="")


def take(run: Run) -> Order:
    """Order that it is ours."""
    volume = volume_of(run)
    size, name = volume.size * GIB, run.args["name"]
    request = ManageRequest(volume=volume_ref(volume), name=name, size=size)
    return MANAGE.order(host=host_of(volume), resource_id=str(volume.id), payload=request)


def taken(run: Run, answers: list[Any]) -> None:
    """Keep how its host reads it."""
    write(run, format=VolumeState.load(answers[0]).format)


def give_back(run: Run) -> Order | None:
    """Order that it is nobody's, by the name that it had (another one, if it was not managed but made)."""
    volume = volume_of(run)
    if volume.pool is None:
        return None
    name = run.args.get("name") or f"unmanaged-{volume_ref(volume).id}"
    request = UnmanageRequest(volume=volume_ref(volume), name=name)
    return UNMANAGE.order(host=host_of(volume), resource_id=str(volume.id), payload=request)


class ManageVolume(Saga):
    """Let a volume that others made be ours; ``args``: ``pool_id``, and what it is called there, ``name``."""

    kind = "volume.manage"
    resource_type = "volume"
    steps = (
        Step("claim_room", claim_room, undo=release_room),
        Step("take", take, undo=give_back, done=taken),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It can be used."""
        write(run, status=VolumeStatus.AVAILABLE)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is as it was, and the row says why; a pre-empted one is being deleted."""
        if failure is not None:
            write(run, status=VolumeStatus.ERROR_MANAGING, **fault(failure))
            tell(run, "manage", failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """It may have our name already: until it is unmanaged, nobody deletes it."""
        cls.on_undone(run, failure)
