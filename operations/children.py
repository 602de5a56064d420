"""A step that is another operation: started with the step, waited for, woken by its end (OPERATIONS 33, 42).

Where both rows are locked the parent's is first. Whoever looks whether a child has ended holds the lock
of the parent, and so does the child's end: so no end is missed between the look and the wait.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.killpoints import reach
from operations.doorbell import ring_after_commit
from operations.guard import flush, lease, write
from operations.holding import Resource, held_by
from operations.models import Operation, Step
from operations.plan import Plan
from operations.saga import Child, Failure, Saga, StepResult
from operations.starting import start, wanted_by
from operations.states import Direction, OperationState, StepState
from operations.stretch import Stretch

STUCK = "An operator has to look at what this waits for."


class Unfinished(Exception):
    """An undo would take away what a child is still at work on."""


def check_takes_it(result: StepResult) -> None:
    """Raise Unfinished unless what an undo returned is a child, which pre-empts one that runs."""
    if not isinstance(result, Child):
        raise Unfinished


def record_start(
    operation: Operation, row: Step, child: Child, context: RequestContext, *, undoing: bool
) -> None:
    """START the child in the transaction of the step's record; an undo pre-empts what is live there.

    Raises ResourceBusy, and ValueError for a child about what its parent holds.
    """
    args = dict(child.args)
    mine = set(held_by(operation)) & set(wanted_by(child.saga, child.resource_id, args))
    if mine:
        raise ValueError(f"a child is about what its parent holds: {min(mine)}")
    _begin(operation, row, child.saga.deadline)
    started = start(
        child.saga,
        context,
        resource_id=child.resource_id,
        args=args,
        preempt=undoing,
        parent_step=row,
    )
    joined = (
        started.parent_step_id != row.id
    )  # it ends for somebody else: looked at again and again
    row.child_id, row.deadline_at = started.id, started.deadline_at
    row.result = {**_about(started), "joined": joined} if joined else _about(started)
    row.save(update_fields=["child_id", "deadline_at", "result"])
    _wait(operation, row)
    reach("child.before_commit", row.place)


def _begin(operation: Operation, row: Step, limit: timedelta) -> None:
    moment = now()
    row.state, row.attempt, row.epoch = StepState.STARTED, row.attempt + 1, operation.epoch
    row.started_at, row.deadline_at = row.started_at or moment, moment + limit
    row.error_code = row.error_public = row.error_detail = row.progress_text = ""
    row.ended_at, row.final, row.child_id = None, False, None
    row.save()


def _wait(operation: Operation, row: Step, *, soon: bool = False) -> None:
    """Wait for the child's end; look again after a while all the same, and at the operation's deadline."""
    limits = intervals()
    joined = isinstance(row.result, dict) and row.result.get("joined")
    due = now() + timedelta(seconds=limits.report if soon or joined else limits.undo_retry)
    if operation.direction == Direction.DO and not operation.past_pivot:
        due = min(due, operation.deadline_at)
    write(operation, state=OperationState.WAITING, owner="", lease_until=None, next_at=due)


def look_again(operation: Operation, plan: Plan, row: Step) -> bool:
    """Go on if the child has ended meanwhile; else wait on."""
    locked(Operation.objects.filter(id=operation.id)).first()
    child = _child_of(row)
    if child is not None and child.is_live:
        _wait(operation, row, soon=row.direction == Direction.UNDO)
        return False
    _record_end(row, child)
    write(operation, lease_until=lease())
    plan.is_stale = True
    return True


def under_way(plan: Plan) -> Operation | None:
    """Return the child that the cursor's step has started if it has not ended."""
    rows = plan.rows(Direction.DO)
    child = _child_of(rows[0]) if rows else None
    return child if child is not None and child.is_live else None


def _child_of(row: Step) -> Operation | None:
    if row.child_id is None:
        return None
    found: Operation | None = Operation.objects.filter(id=row.child_id).first()
    return found


def turn_back(work: Stretch, operation: Operation, plan: Plan, row: Step, child: Operation) -> bool:
    """Pre-empt a child that runs, and wait for its end before the undo of its step."""
    plan.is_stale = True
    _begin(operation, row, plan.saga.deadline)
    row.child_id = child.id
    row.save(update_fields=["child_id"])
    _wait(operation, row, soon=True)
    flush(operation)  # the parent's row is written first
    live = Operation.objects.filter(id=child.id).exclude(state__in=OperationState.ended())
    live.update(preempted_by=operation, parent_step=row, next_at=now())
    ring_after_commit(child.id)
    reach("child.before_commit", row.place)
    work.committed("child.after_commit", row.place)
    return False


def lock_parent(child: Operation) -> Operation | None:
    """Return, and lock, the operation that waits for this one."""
    if child.parent_step_id is None:
        return None
    ids = Step.objects.filter(children=child).values("operation_id")
    found: Operation | None = locked(Operation.objects.filter(id__in=ids)).first()
    return found


def wake(parent: Operation, child: Operation) -> None:
    """Record a child's end as that of its step, and let the parent go on."""
    waiting = Step.objects.filter(children=child, child_id=child.id, state=StepState.STARTED)
    row = waiting.first()
    if row is None:  # the parent has turned back since
        return
    _record_end(row, child)
    moment = now()
    Operation.objects.filter(id=parent.id, state=OperationState.WAITING).update(
        state=OperationState.READY, next_at=moment
    )
    ring_after_commit(parent.id)
    reach("wake.before_commit", row.place)


def note_stuck(child: Operation) -> None:
    """Show on the parent's step that its child needs an operator."""
    if child.parent_step_id is not None:
        rows = Step.objects.filter(children=child, state=StepState.STARTED)
        rows.update(progress_text=STUCK)


def _record_end(row: Step, child: Operation | None) -> None:
    row.heard_at = row.ended_at = now()
    row.progress_text = ""
    if child is not None and _was_turned_back(row, child):
        row.state, row.child_id = StepState.PENDING, None  # now for the undo itself
    elif child is not None and child.state == OperationState.DONE:
        row.state, row.progress = StepState.DONE, 100
        row.result = {**_about(child), "results": _results(child)}
    else:
        failure = _words(child)
        row.state, row.failures, row.final = StepState.FAILED, row.failures + 1, True
        row.error_code, row.error_public = failure.code, failure.public
        row.error_detail = failure.detail
    row.save()


def _was_turned_back(row: Step, child: Operation) -> bool:
    return row.direction == Direction.UNDO and child.preempted_by_id == row.operation_id


def _about(child: Operation) -> dict[str, Any]:
    return {
        "operation": str(child.id),
        "resource_type": child.resource_type,
        "resource_id": child.resource_id,
    }


def _results(child: Operation) -> dict[str, Any]:
    saga = Saga.REGISTRY.get(child.kind)
    return Plan(saga, child).results() if saga is not None else {}


def failure_of(operation: Operation) -> Failure | None:
    """Return why an operation was undone; None when it had to give way to another."""
    if operation.preempted_by_id is not None or not operation.error_code:
        return None
    return Failure(operation.error_code, operation.error_public, operation.error_detail)


def _words(child: Operation | None) -> Failure:
    """Return a child's failure in its own words."""
    if child is None:
        return Failure("child_lost", "What this waited for is not known any more.")
    resource = Resource(child.resource_type, child.resource_id)
    gave_way = Failure("child_preempted", f"Another operation on {resource} took precedence.")
    return failure_of(child) or gave_way
