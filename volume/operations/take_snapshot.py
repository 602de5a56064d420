"""Take a snapshot of a volume, in use or not."""

from __future__ import annotations

from cloudweb.rpc import Order
from operations.saga import Failure, Run, Saga, Step
from volume.operations.snapshot_rows import snapshot_of, tell_of_snapshot, write_snapshot
from volume.orders import delete_snapshot_order, snapshot_order
from volume.states import SnapshotStatus


def take(run: Run) -> Order:
    """Order the snapshot."""
    snapshot = snapshot_of(run)
    return snapshot_order(snapshot, snapshot.volume)


def remove(run: Run) -> Order | None:
    """Order it away; nothing where its volume has no place."""
    snapshot = snapshot_of(run)
    if snapshot.volume.pool is None:
        return None
    return delete_snapshot_order(snapshot, snapshot.volume)


class TakeSnapshot(Saga):
    """Keep what a volume holds now."""

    kind = "volume.snapshot"
    resource_type = "snapshot"
    steps = (Step("take", take, undo=remove),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It can be used."""
        write_snapshot(run, status=SnapshotStatus.AVAILABLE, progress=100)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is in error, and nothing is there; a pre-empted one is being deleted."""
        if failure is not None:
            write_snapshot(run, status=SnapshotStatus.ERROR)
            tell_of_snapshot(run, "snapshot", failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up needs an operator; the tenant sees an error."""
        write_snapshot(run, status=SnapshotStatus.ERROR)
