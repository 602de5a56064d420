"""A snapshot that others took becomes ours, or ours is left to others."""

from __future__ import annotations

from cloudweb.rpc import Order
from operations.saga import Failure, Run, Saga, Step
from volume.models import Snapshot
from volume.objects import SnapshotManageRequest
from volume.operations.snapshot_rows import snapshot_of, tell_of_snapshot, write_snapshot
from volume.resolution import host_of, snapshot_ref
from volume.rpc import MANAGE_SNAPSHOT, UNMANAGE_SNAPSHOT
from volume.states import SnapshotStatus


def _request(run: Run) -> tuple[str, SnapshotManageRequest]:
    snapshot = snapshot_of(run)
    ref = snapshot_ref(snapshot, snapshot.volume)
    name = run.args.get("name") or f"unmanaged-{snapshot.id}"
    return host_of(snapshot.volume), SnapshotManageRequest(snapshot=ref, name=name)


def take(run: Run) -> Order:
    """Order that it is ours."""
    host, request = _request(run)
    return MANAGE_SNAPSHOT.order(host=host, resource_id=run.resource_id, payload=request)


def give_back(run: Run) -> Order:
    """Order that it is nobody's."""
    host, request = _request(run)
    return UNMANAGE_SNAPSHOT.order(host=host, resource_id=run.resource_id, payload=request)


class ManageSnapshot(Saga):
    """Let a snapshot that others took be ours; ``args``: what it is called where it is, ``name``."""

    kind = "volume.manage_snapshot"
    resource_type = "snapshot"
    steps = (Step("take", take, undo=give_back),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It can be used."""
        write_snapshot(run, status=SnapshotStatus.AVAILABLE, progress=100)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is others' as before."""
        if failure is not None:
            write_snapshot(run, status=SnapshotStatus.ERROR)
            tell_of_snapshot(run, "manage_snapshot", failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """Its host has to be looked at."""
        write_snapshot(run, status=SnapshotStatus.ERROR)


class UnmanageSnapshot(Saga):
    """Let a snapshot be nobody's."""

    kind = "volume.unmanage_snapshot"
    resource_type = "snapshot"
    steps = (Step("leave", give_back, max_failures=10),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Only what others see is left."""
        Snapshot.objects.filter(id=run.resource_id).delete()

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It may be asked for again."""
        if failure is not None:
            write_snapshot(run, status=SnapshotStatus.ERROR)
            tell_of_snapshot(run, "unmanage_snapshot", failure)
