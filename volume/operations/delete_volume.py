"""Delete a volume: cut off who still has it, make its snapshots and itself absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cloudweb.rpc import Order
from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step
from volume import relaying, scheduler
from volume.models import Attachment, Snapshot, Volume
from volume.operations.create_volume import unmake
from volume.operations.rows import fault, tell, volume_of, write
from volume.orders import delete_snapshot_order, unexport_order
from volume.states import SnapshotStatus, VolumeStatus


def cut_off(run: Run) -> Sequence[Order] | None:
    """Revoke whatever was exported of it."""
    volume = volume_of(run)
    write(run, status=VolumeStatus.DELETING)
    attachments = Attachment.objects.filter(volume=volume.id)
    orders = [unexport_order(one, volume) for one in attachments]
    return [one for one in orders if one is not None] or None


def delete_snapshots(run: Run) -> Sequence[Order] | None:
    """Order its snapshots away."""
    volume = volume_of(run)
    if volume.pool is None:
        return None
    snapshots = Snapshot.objects.filter(volume=volume.id).order_by("-created_at", "-id")
    return [delete_snapshot_order(one, volume) for one in snapshots] or None


class DeleteVolume(Saga):
    """Make a volume and all of it absent; a host that is down owes it, and for its tenant it is gone."""

    kind = "volume.delete"
    resource_type = "volume"
    steps = (
        Step("cut_off", cut_off, owes=True, max_failures=10),
        Step("delete_snapshots", delete_snapshots, owes=True, max_failures=10),
        Step("remove", unmake, owes=True, max_failures=10),
        Step("release_pool", lambda run: scheduler.release(run.resource_id)),
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """Its snapshots, too: nobody else works on one."""
        ids = Snapshot.objects.filter(volume_id=resource_id).values_list("id", flat=True)
        return [Resource("snapshot", str(key)) for key in ids]

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Nothing is left of it."""
        for one in Attachment.objects.filter(volume_id=run.resource_id):
            relaying.end(one)
            one.delete()
        Snapshot.objects.filter(volume_id=run.resource_id).delete()
        Volume.objects.filter(id=run.resource_id).delete()

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A host refused for good: the volume stays, in error, and may be deleted again by an operator."""
        if failure is not None:
            write(run, status=VolumeStatus.ERROR_DELETING, **fault(failure))
            tell(run, "delete", failure)
            Snapshot.objects.filter(
                volume_id=run.resource_id, status=SnapshotStatus.DELETING
            ).update(status=SnapshotStatus.ERROR_DELETING)
