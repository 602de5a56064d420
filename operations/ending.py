"""The last transaction of an operation, and what happens when there can be none."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.killpoints import reach, whole
from operations import children
from operations.children import failure_of
from operations.guard import flush, lease, write
from operations.holding import release
from operations.models import Operation
from operations.plan import Plan
from operations.saga import Failure, Saga
from operations.starting import write_plan
from operations.states import Direction, OperationState
from operations.stretch import Stretch


def end(
    work: Stretch, saga: type[Saga], operation: Operation, plan: Plan, state: OperationState
) -> bool:
    """END (OPERATIONS 32): the resource's states, the holds and the followers in one transaction."""
    parent = children.lock_parent(operation)
    run = plan.run()
    if state == OperationState.DONE:
        saga.on_done(run)
    else:
        saga.on_undone(run, failure_of(operation))
    write(
        operation,
        state=state,
        owner="",
        lease_until=None,
        next_at=None,
        finished_at=now(),
    )
    flush(operation)  # who comes to wait for it from now on finds it ended
    release(operation)
    if parent is not None:
        children.wake(parent, operation)
    reach("end.before_commit", whole(operation.id))
    work.committed("end.after_commit", whole(operation.id))
    return False


def get_stuck(saga: type[Saga], operation: Operation, plan: Plan, failure: Failure) -> bool:
    """Show that an undo failed for good; the sweep and the operator's button try it again."""
    saga.on_stuck(plan.run(), failure)
    write(
        operation,
        state=OperationState.FAILED,
        owner="",
        lease_until=None,
        next_at=now() + timedelta(seconds=intervals().undo_retry),
        error_detail=f"{failure.code}: {failure.public} {failure.detail}"[:4000],
    )
    children.note_stuck(operation)
    return False


def next_round(saga: type[Saga], operation: Operation) -> bool:
    """Undone down to the claim step: plan the rest anew, on another host (OPERATIONS 25)."""
    floor = operation.undo_floor
    assert floor is not None
    write(
        operation,
        direction=Direction.DO,
        round=operation.round + 1,
        cursor=floor,
        undo_floor=None,
        lease_until=lease(),
        error_code="",
        error_public="",
    )
    write_plan(saga, operation, first=floor)
    return True
