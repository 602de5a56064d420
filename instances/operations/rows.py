"""Mutators of a server's row that steps share; each is one UPDATE."""

from __future__ import annotations

from typing import Any

from cloudweb.database.clock import now
from instances.models import Instance
from operations.saga import Failure, Run, StepFailed

ROW = "instance"


def instance_of(run: Run) -> Instance:
    """Return the server an operation is about; raise StepFailed if its row is gone."""
    found: Instance | None = run.memory.get(ROW)
    if found is None:
        found = Instance.objects.filter(id=run.resource_id).first()
    if found is None:
        raise StepFailed("The server is gone.")
    run.memory[ROW] = found
    return found


def write(run: Run, **values: Any) -> None:
    """Change the server's row."""
    Instance.objects.filter(id=run.resource_id).update(updated_at=now(), **values)
    known = run.memory.get(ROW)
    for name, value in values.items() if known is not None else ():
        setattr(known, name, value)


def no_task(run: Run) -> None:
    """Let the server rest in the state it has: how a failed or pre-empted action ends."""
    write(run, task_state=None)


def fault(failure: Failure) -> dict[str, Any]:
    """Return the columns of a fault that the tenant reads."""
    return {
        "fault_code": 500,
        "fault_message": failure.public,
        "fault_detail": failure.detail,
        "fault_at": now(),
    }
