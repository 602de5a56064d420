"""What the steps of snapshots' sagas share."""

from __future__ import annotations

from typing import Any

from cloudweb.database.clock import now
from operations.saga import Failure, Run, StepFailed
from volume import messages
from volume.models import Snapshot


def snapshot_of(run: Run) -> Snapshot:
    """Return the snapshot an operation is about, with its volume; StepFailed if its row is gone."""
    rows = Snapshot.objects.select_related("volume__pool")
    found = rows.filter(id=run.resource_id).first()
    if found is None:
        raise StepFailed("The snapshot is gone.")
    return found


def write_snapshot(run: Run, **values: Any) -> None:
    """Change the snapshot's row."""
    Snapshot.objects.filter(id=run.resource_id).update(updated_at=now(), **values)


def tell_of_snapshot(run: Run, action: str, failure: Failure) -> None:
    """Tell the snapshot's project in a message why something failed."""
    rows = Snapshot.objects.filter(id=run.resource_id).values_list("project_id", flat=True)
    messages.tell(run, action, failure, project_id=rows.first(), noun="snapshot")
