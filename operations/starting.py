"""START and PRE-EMPT: the transactions by which operations come to be (OPERATIONS 7 and 30)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import Conflict
from cloudweb.killpoints import reach, whole
from operations.doorbell import ring_after_commit
from operations.models import Hold, Operation, Step
from operations.states import Direction, OperationState, StepState

if TYPE_CHECKING:
    from operations.saga import Saga

PARTS = 10_000
ROUND = 1_000_000


class ResourceBusy(Conflict):
    """Another operation is at work on the resource."""

    code = "resource_busy"
    default_message = "Another operation is at work on this resource."


def start(
    saga: type[Saga],
    context: RequestContext,
    *,
    resource_id: str,
    args: dict[str, Any],
    preempt: bool,
    delay: timedelta = timedelta(0),
) -> Operation:
    """Record a new operation; see ``Saga.start``. Must be called inside ``atomic()``."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an operation starts inside a transaction")
    moment = now()
    operation = Operation(
        kind=saga.kind,
        version=saga.version,
        request_id=context.request_id,
        user_id=context.user_id or "",
        project_id=context.project_id or "",
        resource_type=saga.resource_type,
        resource_id=resource_id,
        args=args,
        next_at=moment + delay,
        deadline_at=moment + delay + saga.deadline,
        created_at=moment,
    )
    live = _live(saga.resource_type, resource_id)
    if live is not None:
        return _behind(saga, operation, live, preempt=preempt)
    operation.save(force_insert=True)
    take_hold(operation)
    _insert_plan(saga, operation)
    reach("start.before_commit", whole(operation.id))
    if not delay:
        ring_after_commit(operation.id)
    transaction.on_commit(lambda: reach("start.after_commit", whole(operation.id)))
    return operation


def _live(resource_type: str, resource_id: str) -> Operation | None:
    held = Hold.objects.filter(resource_type=resource_type, resource_id=resource_id)
    operation_id = held.values_list("operation_id", flat=True).first()
    if operation_id is None:
        return None
    found: Operation | None = locked(Operation.objects.filter(id=operation_id)).first()
    return found if found is not None and found.is_live else None


def is_held(resource_type: str, resource_id: str) -> bool:
    """Tell whether an operation is at work on the resource."""
    return Hold.objects.filter(resource_type=resource_type, resource_id=resource_id).exists()


def take_hold(operation: Operation) -> None:
    """Hold the operation's resource; raise ResourceBusy when it is taken."""
    try:
        with transaction.atomic():
            Hold.objects.create(
                operation=operation,
                resource_type=operation.resource_type,
                resource_id=operation.resource_id,
            )
    except IntegrityError as error:
        raise ResourceBusy from error


def _insert_plan(saga: type[Saga], operation: Operation) -> None:
    write_plan(saga, operation, first=0)


def write_plan(saga: type[Saga], operation: Operation, *, first: int) -> None:
    """Write the rows of the plan from the step ``first`` on, for the operation's current round."""
    Step.objects.bulk_create(
        Step(operation=operation, seq=operation.round * ROUND + index * PARTS, name=step.name)
        for index, step in enumerate(saga.steps)
        if index >= first
    )


def _behind(saga: type[Saga], operation: Operation, live: Operation, *, preempt: bool) -> Operation:
    """Start behind a live operation: pre-empt it, wait for it, or be refused."""
    waiting = Operation.objects.filter(
        after=live, kind=saga.kind, resource_id=operation.resource_id, state=OperationState.QUEUED
    ).first()
    if waiting is not None:
        return (
            waiting  # a second delete, or a further refresh: the one that waits will see all rows
        )
    if preempt:
        if live.kind == saga.kind:
            if live.state == OperationState.FAILED:
                Operation.objects.filter(id=live.id).update(next_at=now())
                ring_after_commit(live.id)
            return live
        if live.state == OperationState.FAILED:
            return _take_over(saga, operation, live)
    elif not saga.coalesce:
        raise ResourceBusy
    elif live.kind == saga.kind and live.state == OperationState.READY and not live.epoch:
        return _join(operation, live)
    operation.state = OperationState.QUEUED
    operation.after = live
    operation.save(force_insert=True)
    _insert_plan(saga, operation)
    if preempt:
        Operation.objects.filter(id=live.id).update(preempted_by=operation, next_at=now())
        ring_after_commit(live.id)
    reach("start.before_commit", whole(operation.id))
    transaction.on_commit(lambda: reach("start.after_commit", whole(operation.id)))
    return operation


def _join(operation: Operation, untouched: Operation) -> Operation:
    """Leave the work to one that nobody has claimed yet, no later than it was wanted now."""
    assert operation.next_at is not None
    assert untouched.next_at is not None
    if operation.next_at < untouched.next_at:
        Operation.objects.filter(id=untouched.id).update(next_at=operation.next_at)
        if operation.next_at <= now():
            ring_after_commit(untouched.id)
    return untouched


def _take_over(saga: type[Saga], operation: Operation, failed: Operation) -> Operation:
    """Let a delete inherit what a failed undo left: its hold, and its unpaid undos as steps of its own.

    The delete's own steps make everything of the resource absent, so inheriting is ending the other.
    """
    Step.objects.filter(operation=failed, state=StepState.STARTED).update(state=StepState.ABANDONED)
    Hold.objects.filter(operation=failed).delete()
    Operation.objects.filter(id=failed.id).update(
        state=OperationState.UNDONE,
        direction=Direction.UNDO,
        next_at=None,
        finished_at=now(),
        preempted_by=None,
    )
    operation.save(force_insert=True)
    Operation.objects.filter(id=failed.id).update(preempted_by=operation)
    take_hold(operation)
    _insert_plan(saga, operation)
    reach("start.before_commit", whole(operation.id))
    ring_after_commit(operation.id)
    transaction.on_commit(lambda: reach("start.after_commit", whole(operation.id)))
    return operation


def release_followers(operation: Operation) -> list[Operation]:
    """Make every operation that waited for this one ready, with its hold; called by END."""
    ready = list(
        Operation.objects.filter(after=operation, state=OperationState.QUEUED).order_by(
            "created_at"
        )
    )
    for index, follower in enumerate(ready):
        if index:  # one live operation a resource: the next one waits for the one before it
            Operation.objects.filter(id=follower.id).update(after=ready[index - 1])
            continue
        moment = now()
        first_look = max(moment, follower.next_at or moment)
        Operation.objects.filter(id=follower.id).update(
            state=OperationState.READY,
            next_at=first_look,
            deadline_at=first_look + (follower.deadline_at - follower.created_at),
        )
        take_hold(follower)
        if first_look == moment:
            ring_after_commit(follower.id)
    return ready[:1]
