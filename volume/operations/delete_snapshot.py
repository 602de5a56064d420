"""Delete a snapshot; volumes that were made of it keep what they hold."""

from __future__ import annotations

from operations.saga import Failure, Run, Saga, Step
from volume.models import Snapshot
from volume.operations.snapshot_rows import tell_of_snapshot, write_snapshot
from volume.operations.take_snapshot import remove
from volume.states import SnapshotStatus


class DeleteSnapshot(Saga):
    """Make a snapshot absent; a host that is down owes it, and for its tenant it is gone."""

    kind = "volume.delete_snapshot"
    resource_type = "snapshot"
    steps = (Step("remove", remove, owes=True, max_failures=10),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Nothing is left of it."""
        Snapshot.objects.filter(id=run.resource_id).delete()

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Its host refused for good: it stays, in error."""
        if failure is not None:
            write_snapshot(run, status=SnapshotStatus.ERROR_DELETING)
            tell_of_snapshot(run, "delete_snapshot", failure)
