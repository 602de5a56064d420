"""Delete a group's snapshot with all snapshots in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step
from volume.models import GroupSnapshot, Snapshot
from volume.operations.snapshot_together import remove
from volume.operations.together_rows import tell_of_together, write_together
from volume.states import GroupSnapshotStatus, SnapshotStatus


class DeleteTogether(Saga):
    """Make them absent; a host that is down owes it, and for its tenant they are gone."""

    kind = "volume.delete_together"
    resource_type = "group_snapshot"
    steps = (Step("remove", remove, owes=True, max_failures=10),)

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The snapshots: nobody else works on one."""
        return [Resource("snapshot", key) for key in args["snapshots"]]

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Nothing is left of them."""
        Snapshot.objects.filter(id__in=run.args["snapshots"]).delete()
        GroupSnapshot.objects.filter(id=run.resource_id).delete()

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A host refused for good: they stay, in error."""
        if failure is not None:
            write_together(run, SnapshotStatus.ERROR_DELETING, GroupSnapshotStatus.ERROR_DELETING)
            tell_of_together(run, "delete_group_snapshot", failure)
