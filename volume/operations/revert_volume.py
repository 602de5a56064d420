"""Take a volume that nobody uses back to its newest snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudweb.rpc import Order
from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step, StepFailed
from volume.models import Snapshot
from volume.operations.rows import fault, tell, volume_of, write
from volume.resolution import host_of, snapshot_ref
from volume.rpc import REVERT
from volume.states import SnapshotStatus, VolumeStatus


def revert(run: Run) -> Order:
    """Order it back."""
    volume = volume_of(run)
    snapshot = Snapshot.objects.filter(id=run.args["snapshot_id"], volume=volume).first()
    if snapshot is None:
        raise StepFailed("The snapshot is gone.")
    return REVERT.order(
        host=host_of(volume), resource_id=str(volume.id), payload=snapshot_ref(snapshot, volume)
    )


class RevertVolume(Saga):
    """Have a volume hold what its snapshot holds; what failed may be tried again."""

    kind = "volume.revert"
    resource_type = "volume"
    steps = (Step("revert", revert),)

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The snapshot, too: nobody takes it away meanwhile."""
        return [Resource("snapshot", args["snapshot_id"])]

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is as it was."""
        write(run, status=VolumeStatus.AVAILABLE)
        _rest(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """What it holds is uncertain."""
        if failure is not None:
            write(run, status=VolumeStatus.ERROR, **fault(failure))
            tell(run, "revert", failure)
        _rest(run)


def _rest(run: Run) -> None:
    rows = Snapshot.objects.filter(id=run.args["snapshot_id"], status=SnapshotStatus.RESTORING)
    rows.update(status=SnapshotStatus.AVAILABLE)
