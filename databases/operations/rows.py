"""What the steps of databases' sagas share: the row, its writes, and the context of its parts."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from databases.models import DatabaseInstance
from databases.states import Task
from operations.saga import Failure, Run, StepFailed

ROW = "database instance"


def key_of(run: Run) -> str:
    """Return the id of the instance an operation is about, or of the one that it tries a backup on."""
    return str(run.args.get("scratch") or run.resource_id)


def instance_of(run: Run) -> DatabaseInstance:
    """Return the instance an operation is about; raise StepFailed if its row is gone."""
    if ROW not in run.memory:
        rows = DatabaseInstance.objects.select_related("version", "configuration", "replica_of")
        run.memory[ROW] = rows.filter(id=key_of(run)).first()
    found: DatabaseInstance | None = run.memory[ROW]
    if found is None:
        raise StepFailed("The database is gone.")
    return found


def write(run: Run, **values: Any) -> None:
    """Change the instance's row."""
    run.memory.pop(ROW, None)
    DatabaseInstance.objects.filter(id=key_of(run)).update(updated_at=now(), **values)


def parts_context(instance: DatabaseInstance) -> RequestContext:
    """Return the context in which the parts of an instance are made, changed and removed."""
    return RequestContext.system(project_id=instance.parts_project_id)


def fault(failure: Failure) -> dict[str, Any]:
    """Return the columns of a fault that the tenant reads."""
    return {"fault_message": failure.public, "fault_detail": failure.detail, "fault_at": now()}


def rest(run: Run, **values: Any) -> None:
    """Let the instance be at rest again."""
    write(run, **{"task": Task.NONE, "fault_at": None, **values})


def rest_after(run: Run, failure: Failure | None) -> None:
    """Let it be at rest after something that was taken back, and say why; pre-empted, its successor says."""
    if failure is not None:
        rest(run, fault_message=failure.public, fault_detail=failure.detail)


def fail(run: Run, failure: Failure) -> None:
    """Let it be in error: an operator, or a delete, is needed."""
    rest(run, **fault(failure))
