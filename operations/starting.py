"""START and PRE-EMPT: the transactions by which operations come to be (OPERATIONS 7 and 30)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.database.prepared import Given, Prepared, insert
from cloudweb.killpoints import reach, whole
from operations.doorbell import ring_after_commit
from operations.holding import (
    LOOKS,
    Resource,
    ResourceBusy,
    held_by,
    in_order,
    take,
    take_each,
    take_free,
)
from operations.models import Hold, Operation, Step
from operations.states import Direction, OperationState, StepState

if TYPE_CHECKING:
    from operations.saga import Saga

PARTS = 10_000
ROUND = 1_000_000
#: So many operations are written together: some thousand values, of which SQLite allows 32,766 in a statement.
TOGETHER = 50


_WAITING = Prepared(
    lambda: Operation.objects.filter(
        kind=Given("kind"),
        resource_type=Given("type"),
        resource_id=Given("id"),
        state=OperationState.QUEUED,
        preempted_by=None,
    )
)


def start(
    saga: type[Saga],
    context: RequestContext,
    *,
    resource_id: str,
    args: dict[str, Any],
    preempt: bool,
    delay: timedelta = timedelta(0),
    parent_step: Step | None = None,
) -> Operation:
    """Record a new operation; see ``Saga.start``. Must be called inside ``atomic()``."""
    operation = _new(
        saga, context, resource_id=resource_id, args=args, delay=delay, parent_step=parent_step
    )
    wanted = wanted_by(saga, resource_id, args)
    may_wait = preempt or saga.coalesce  # for another it is a refusal, whoever is faster
    taken = take_free(operation, wanted, looks=LOOKS if may_wait else 1)
    if taken:
        return _behind(saga, operation, wanted, taken, preempt=preempt)
    insert(operation)  # after its holds, which name it: of one that was faster nothing is left here
    write_plan(saga, operation, first=0)
    _begin(operation, at_once=not delay)
    return operation


def start_new(saga: type[Saga], context: RequestContext, *, resource_ids: Sequence[str]) -> None:
    """Record an operation on each of these; see ``Saga.start_new``. Must be called inside ``atomic()``."""
    for first in range(0, len(resource_ids), TOGETHER):
        made = [
            _new(saga, context, resource_id=resource_id, args={})
            for resource_id in resource_ids[first : first + TOGETHER]
        ]
        take_each([(one, wanted_by(saga, one.resource_id, one.args)) for one in made])
        insert(*made)
        insert(*(step for one in made for step in _planned(saga, one, first=0)))
        for one in made:
            _begin(one, at_once=True)


def _new(
    saga: type[Saga],
    context: RequestContext,
    *,
    resource_id: str,
    args: dict[str, Any],
    delay: timedelta = timedelta(0),
    parent_step: Step | None = None,
) -> Operation:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("an operation starts inside a transaction")
    moment = now()
    return Operation(
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
        parent_step=parent_step,
    )


def _begin(operation: Operation, *, at_once: bool) -> None:
    reach("start.before_commit", whole(operation.id))
    if at_once:
        ring_after_commit(operation.id)
    transaction.on_commit(lambda: reach("start.after_commit", whole(operation.id)))


def look_at(operation_id: UUID) -> None:
    """Let an operation that waits be worked on now."""
    Operation.objects.filter(id=operation_id, state=OperationState.WAITING).update(next_at=now())
    ring_after_commit(operation_id)


def bring_forward(operation: Operation) -> None:
    """Let one that was to begin later begin now."""
    moment = now()
    later = Operation.objects.filter(
        id=operation.id, state=OperationState.READY, next_at__gt=moment
    )
    if later.update(next_at=moment):
        ring_after_commit(operation.id)


def wanted_by(saga: type[Saga], resource_id: str, args: dict[str, Any]) -> list[Resource]:
    """Return all that an operation has to hold, in the order in which it is taken."""
    own = Resource(saga.resource_type, resource_id)
    return in_order([own, *saga.holds(resource_id=resource_id, args=args)])


def write_plan(saga: type[Saga], operation: Operation, *, first: int) -> None:
    """Write the rows of the plan from the step ``first`` on, for the operation's current round."""
    insert(*_planned(saga, operation, first=first))


def _planned(saga: type[Saga], operation: Operation, *, first: int) -> Iterable[Step]:
    return (
        Step(operation=operation, seq=operation.round * ROUND + index * PARTS, name=step.name)
        for index, step in enumerate(saga.steps)
        if index >= first
    )


def about_to_look(
    saga: type[Saga], resource_ids: Collection[str], *, within: timedelta
) -> set[str]:
    """Return those resources at whose rows an operation of this kind will look soon, and has not yet.

    It waits for the end of the caller's transaction, so what is written there is seen without a further start.
    """
    rows = Operation.objects.filter(
        kind=saga.kind,
        resource_type=saga.resource_type,
        resource_id__in=resource_ids,
        state=OperationState.READY,
        epoch=0,
        next_at__lte=now() + within,
    )
    return {*locked(rows.order_by("id")).values_list("resource_id", flat=True)}


def _behind(
    saga: type[Saga],
    operation: Operation,
    wanted: list[Resource],
    taken: dict[Resource, Operation],
    *,
    preempt: bool,
) -> Operation:
    """Start where something is held: pre-empt who holds the resource, wait for him, or be refused.

    What else the operation has to hold is taken by nobody or by him: anything else is a refusal.
    """
    own = Resource(operation.resource_type, operation.resource_id)
    for waiting in _WAITING.rows(kind=saga.kind, type=own.type, id=own.id):
        if _is_same(waiting, operation):
            return waiting  # a second delete, or a further refresh: it will see all rows
    queued = Operation.objects.filter(
        resource_type=own.type, resource_id=own.id, state=OperationState.QUEUED
    )
    live = taken.get(own)
    if live is None or not (preempt or saga.coalesce):
        raise ResourceBusy(min(taken))
    if _is_same(live, operation):
        joined = _join(operation, live, preempt=preempt)
        if joined is not None:
            return joined
    others = [resource for resource, holder in taken.items() if holder.id != live.id]
    if others:
        raise ResourceBusy(min(others))
    if preempt and live.state == OperationState.FAILED and set(held_by(live)) <= set(wanted):
        return _take_over(saga, operation, wanted, live, queued)
    operation.state = OperationState.QUEUED
    operation.after = live
    operation.waits_for = [list(one) for one in wanted]
    operation.save(force_insert=True)
    write_plan(saga, operation, first=0)
    if preempt:
        Operation.objects.filter(id=live.id).update(preempted_by=operation, next_at=now())
        _overtake(queued, operation)
        ring_after_commit(live.id)
    _begin(operation, at_once=False)
    return operation


def _is_same(one: Operation, other: Operation) -> bool:
    """Tell whether both do the same to the same: a hard reboot is another thing than a soft one."""
    said = [json.dumps(each.args, sort_keys=True, default=str) for each in (one, other)]
    return (one.kind, one.resource_id, said[0]) == (other.kind, other.resource_id, said[1])


def _overtake(queued: QuerySet[Operation], newest: Operation) -> None:
    """Let those that wait for the resource end as soon as it is theirs, undone before they began.

    The newest that pre-empts says what becomes of it; what it joins is not among them.
    """
    queued.exclude(id=newest.id).update(preempted_by=newest)


def _join(operation: Operation, live: Operation, *, preempt: bool) -> Operation | None:
    """Leave the work to one of the same kind; None when it has looked at the rows already."""
    if preempt:
        if live.state == OperationState.FAILED:
            Operation.objects.filter(id=live.id).update(next_at=now())
            ring_after_commit(live.id)
        return live
    if live.state != OperationState.READY or live.epoch:
        return None
    assert operation.next_at is not None
    assert live.next_at is not None
    if operation.next_at < live.next_at:  # no later than it was wanted now
        Operation.objects.filter(id=live.id).update(next_at=operation.next_at)
        if operation.next_at <= now():
            ring_after_commit(live.id)
    return live


def _take_over(
    saga: type[Saga],
    operation: Operation,
    wanted: list[Resource],
    failed: Operation,
    queued: QuerySet[Operation],
) -> Operation:
    """Let a delete inherit what a failed undo left: its holds, and its unpaid undos as steps of its own.

    The delete's own steps make everything of what it holds absent, so inheriting is ending the other;
    one that held more than the delete names is tried again instead, and waited for.
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
    followers = Operation.objects.filter(after=failed, state=OperationState.QUEUED)
    followers.update(after=operation)  # whoever waited for the other waits for the delete
    _overtake(queued, operation)
    parents = Step.objects.filter(children=failed).values_list("operation_id", flat=True)
    for (
        parent
    ) in parents:  # after the commit: a parent's row is locked before its child's, or not at all
        transaction.on_commit(lambda parent=parent: look_at(parent), robust=True)  # type: ignore[misc]
    take(operation, wanted)
    write_plan(saga, operation, first=0)
    _begin(operation, at_once=True)
    return operation
