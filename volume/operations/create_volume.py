"""Create a volume: choose a pool, have its host make it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudweb.rpc import Order
from operations.saga import Failure, Run, Saga, Step
from volume import scheduler
from volume.exceptions import NoValidPool
from volume.needs import pool_request
from volume.objects import VolumeState
from volume.operations.group_rows import hold_group, settle_group
from volume.operations.rows import ROW, fault, tell, volume_of, write
from volume.resolution import host_of, volume_ref, volume_spec
from volume.rpc import CREATE, DELETE
from volume.states import VolumeStatus


def claim_pool(run: Run) -> Mapping[str, Any]:
    """Take room in a pool that fits; raise NoValidPool, which says why none does."""
    volume = volume_of(run)
    request = pool_request(
        volume,
        zone=run.args.get("zone"),
        hints=run.args.get("hints", {}),
        excluded_hosts=tuple(run.excluded_hosts),
    )
    try:
        place = scheduler.claim(run.context, volume_id=str(volume.id), request=request)
    except NoValidPool as error:
        failure = run.failed_before
        if failure is None:
            raise
        told = f"{error.message} What failed last: {failure.public}"
        raise NoValidPool(told, detail=error.detail) from error
    copies = VolumeStatus.DOWNLOADING if volume.image_id else VolumeStatus.CREATING
    if volume.status == copies:
        run.memory.pop(ROW, None)  # it has a pool now
    else:
        write(run, status=copies)
    return {"host": place.host}


def release_pool(run: Run) -> None:
    """Give the room back."""
    scheduler.release(run.resource_id)
    write(run, format="")


def make(run: Run) -> Order:
    """Order the volume."""
    volume = volume_of(run)
    return CREATE.order(
        host=host_of(volume), resource_id=str(volume.id), payload=volume_spec(volume)
    )


def unmake(run: Run) -> Order | None:
    """Order it away; nothing where it never had a pool."""
    volume = volume_of(run)
    if volume.pool is None:
        return None
    return DELETE.order(
        host=host_of(volume), resource_id=str(volume.id), payload=volume_ref(volume)
    )


class CreateVolume(Saga):
    """Choose a pool and have the volume made there; in another where one failed it."""

    kind = "volume.create"
    resource_type = "volume"
    retry_from = "claim_pool"
    steps = (
        Step("claim_pool", claim_pool, undo=release_pool),
        Step("make", make, undo=unmake),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The volume can be used, as its host made it."""
        group, made = hold_group(run), VolumeState.load(run.results["make"][0])
        write(run, status=VolumeStatus.AVAILABLE, format=made.format)
        settle_group(group)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A failed volume is in error with its reason; a pre-empted one is being deleted."""
        group = hold_group(run)
        if failure is not None:
            write(run, status=VolumeStatus.ERROR, **fault(failure))
            tell(run, "create", failure)
        settle_group(group)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up needs an operator; the tenant sees an error."""
        group = hold_group(run)
        write(run, status=VolumeStatus.ERROR, **fault(failure))
        tell(run, "create", failure)
        settle_group(group)
