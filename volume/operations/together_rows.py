"""What the steps of sagas about snapshots that belong together share.

Their resource is a group's snapshot, or none that has a row: ``args["snapshots"]`` are ids either way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cloudweb.database.clock import now
from cloudweb.rpc import Method, Order
from operations.saga import Failure, Run
from volume import messages
from volume.models import GroupSnapshot, Snapshot
from volume.objects import SnapshotsRequest
from volume.resolution import host_of, snapshot_ref
from volume.states import GroupSnapshotStatus, SnapshotStatus


def snapshots_of(run: Run) -> Sequence[Snapshot]:
    """Return the snapshots that are still there, with their volumes."""
    rows = Snapshot.objects.filter(id__in=run.args["snapshots"])
    return [*rows.select_related("volume__pool").order_by("created_at", "id")]


def orders_to_hosts(run: Run, method: Method[SnapshotsRequest]) -> Sequence[Order] | None:
    """Order each host to do this with the snapshots of its volumes."""
    by_host = defaultdict(list)
    for row in snapshots_of(run):
        if row.volume.pool is not None:
            by_host[host_of(row.volume)].append(snapshot_ref(row, row.volume))
    orders = [
        method.order(
            host=host,
            resource_id=refs[0].id,  # held, and no other host's
            payload=SnapshotsRequest(id=run.resource_id, snapshots=tuple(refs)),
        )
        for host, refs in sorted(by_host.items())
    ]
    return orders or None


def write_together(
    run: Run, status: SnapshotStatus, of_group: GroupSnapshotStatus, **values: object
) -> None:
    """Change the rows of all, and that of the group's snapshot if there is one."""
    rows = Snapshot.objects.filter(id__in=run.args["snapshots"])
    rows.update(status=status, updated_at=now(), **values)
    GroupSnapshot.objects.filter(id=run.resource_id).update(status=of_group, updated_at=now())


def tell_of_together(run: Run, action: str, failure: Failure) -> None:
    """Tell the snapshots' project in a message what went wrong."""
    project = next((row.project_id for row in snapshots_of(run)), None)
    messages.tell(run, action, failure, project_id=project, noun="group_snapshot")
