"""What one move writes to the rows of its step."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import DatabaseError

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.prepared import write_whole
from cloudweb.exceptions import CloudwebError, NotYet, ServiceUnavailable
from operations.guard import backoff, lease, write
from operations.models import Operation, Step
from operations.plan import Plan
from operations.saga import Failure, StepResult, TransientHost
from operations.states import Direction, OperationState, StepState
from operations.versions import HostTooOld

log = structlog.get_logger(__name__)
AWAITED = "It waits for that to change."


def failure(row: Step) -> Failure:
    """Return why a step that failed for good did so; with its host where it was the host's fault."""
    host = "" if row.final else row.host
    return Failure(row.error_code, row.error_public, row.error_detail, host=host)


def advance_cursor(operation: Operation, plan: Plan, *, undoing: bool) -> None:
    """Go to the next step, forward or back."""
    values: dict[str, Any] = {
        "cursor": operation.cursor + (-1 if undoing else 1),
        "lease_until": lease(),
    }
    if plan.step.pivot and not undoing:
        values["past_pivot"] = True
    write(operation, **values)


def new_row(operation: Operation, plan: Plan, part: int, *, undoing: bool) -> Step:
    """Return a row for a part of the cursor's step that has none yet."""
    return Step(
        operation=operation,
        seq=plan.base() + part,
        direction=Direction.UNDO if undoing else Direction.DO,
        name=plan.step.name,
    )


def record_local(row: Step, result: StepResult, *, attempt: int, began: datetime) -> None:
    """Write what a local step did."""
    row.state, row.result, row.attempt = StepState.DONE, result or None, attempt
    row.started_at, row.ended_at, row.progress = row.started_at or began, now(), 100
    row.error_code = row.error_public = row.error_detail = row.progress_text = ""
    write_whole(row)


def _wait_for(operation: Operation, plan: Plan, row: Step, error: NotYet) -> bool:
    """Look again after a report: no attempt was made, so none failed (OPERATIONS 44)."""
    kept = Step.objects.filter(operation=operation, seq=row.seq, direction=row.direction).first()
    row = kept or new_row(operation, plan, 0, undoing=row.direction == Direction.UNDO)
    row.progress_text = AWAITED
    if not row.attempt:  # what was tried before stays so, for its undo
        row.state = StepState.PENDING
    row.error_code, row.error_public = error.code, error.message
    row.error_detail = error.detail[:4000]
    row.save()
    write(
        operation,
        state=OperationState.WAITING,
        owner="",
        lease_until=None,
        next_at=now() + timedelta(seconds=intervals().report),
    )
    return False


def record_refusal(operation: Operation, plan: Plan, row: Step, error: HostTooOld) -> Failure:
    """A host is too old for what it should be told: nothing was begun, so nothing is to be undone (47)."""
    kept = Step.objects.filter(operation=operation, seq=row.seq, direction=row.direction).first()
    row = kept or new_row(operation, plan, 0, undoing=row.direction == Direction.UNDO)
    if row.attempt:  # an older attempt may have had an effect
        row.state, row.final, row.ended_at = StepState.FAILED, True, now()
    row.error_code, row.error_public = error.code, error.message
    row.error_detail = error.detail[:4000]
    row.save()
    return Failure(row.error_code, row.error_public, row.error_detail, host=error.host)


def record_failure(
    operation: Operation, plan: Plan, row: Step, error: Exception, *, counted: bool = False
) -> bool | Failure:
    """A step raised and all it wrote is rolled back: note it, try again or give up; inside ``atomic()``.

    ``counted``: the attempt is on record already.
    """
    if isinstance(error, NotYet):
        return _wait_for(operation, plan, row, error)
    transient = not isinstance(error, CloudwebError) or isinstance(
        error, TransientHost | ServiceUnavailable
    )
    if isinstance(error, DatabaseError):
        log.warning("step met a database error", step=row.name, error=str(error))
    elif not isinstance(error, CloudwebError):
        log.error("step raised", step=row.name, exc_info=error)
    kept = Step.objects.filter(operation=operation, seq=row.seq, direction=row.direction).first()
    row = kept or new_row(operation, plan, 0, undoing=row.direction == Direction.UNDO)
    row.state, row.final = StepState.FAILED, not transient
    row.failures, row.attempt = row.failures + 1, row.attempt + (0 if counted else 1)
    row.started_at, row.ended_at = row.started_at or now(), now()
    row.error_code = error.code if isinstance(error, CloudwebError) else "internal_error"
    row.error_public = (
        error.message if isinstance(error, CloudwebError) else CloudwebError.default_message
    )
    row.error_detail = (error.detail if isinstance(error, CloudwebError) else repr(error))[:4000]
    again = transient and row.failures < plan.step.max_failures
    row.save()
    if again:
        write(
            operation,
            state=OperationState.WAITING,
            owner="",
            lease_until=None,
            next_at=now() + backoff(row.failures),
        )
    return False if again else Failure(row.error_code, row.error_public, row.error_detail)
