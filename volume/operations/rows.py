"""What the steps of volumes' sagas share: the row, its writes, and its words to hosts."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.models import Model

from cloudweb.database.clock import now
from cloudweb.database.prepared import Given, Prepared, PreparedUpdate
from operations.saga import Failure, Run, StepFailed
from volume import messages
from volume.models import Volume

ROW = "volume"
_ROW = Prepared(
    lambda: Volume.objects.filter(id=Given("id")).select_related("pool", "volume_type").order_by()
)


def volume_of(run: Run) -> Volume:
    """Return the volume an operation is about; raise StepFailed if its row is gone."""
    if ROW not in run.memory:
        run.memory[ROW] = _ROW.row(id=run.resource_id)
    found: Volume | None = run.memory[ROW]
    if found is None:
        raise StepFailed("The volume is gone.")
    return found


def write(run: Run, **values: Any) -> None:
    """Change the volume's row."""
    run.memory.pop(ROW, None)
    if any(isinstance(value, Model) for value in values.values()):
        Volume.objects.filter(id=run.resource_id).update(updated_at=now(), **values)
    else:
        _writing(tuple(sorted(values)))(id=run.resource_id, updated_at=now(), **values)


@cache
def _writing(names: tuple[str, ...]) -> PreparedUpdate:
    rows = Volume.objects.filter(id=Given("id"))
    return PreparedUpdate(lambda: rows, "updated_at", *names)


def fault(failure: Failure) -> dict[str, Any]:
    """Return the columns of a fault that the tenant reads."""
    return {
        "fault_code": 500,
        "fault_message": failure.public,
        "fault_detail": failure.detail,
        "fault_at": now(),
    }


def tell(run: Run, action: str, failure: Failure) -> None:
    """Tell the volume's project in a message why something failed."""
    rows = Volume.objects.filter(id=run.resource_id).values_list("project_id", flat=True)
    messages.tell(run, action, failure, project_id=rows.first())
