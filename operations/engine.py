"""The engine: claims an operation and moves it as far as it goes (OPERATIONS 8-13 and 23-32).

Any control worker may advance any operation. Whoever does holds a lease and an epoch; every write
carries both, so one who comes late (frozen, slow, doubled) changes nothing. What can be done without
waiting is one transaction: the claim, the reply that it follows from, and the moves.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from django.db.models import DateTimeField, F, Q, QuerySet

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.literals import Literal
from cloudweb.database.locks import alone_with, has_row_locks
from cloudweb.database.prepared import Given, Prepared
from cloudweb.killpoints import reach, whole
from operations import epoch
from operations.ending import end, get_stuck, next_round
from operations.guard import Lost, flush, lease, put_off, write
from operations.models import Operation, Step
from operations.moves import move
from operations.plan import Plan
from operations.saga import CameToNothing, Failure, HostDown, Saga
from operations.states import Direction, OperationState, StepState
from operations.stretch import Raised, Stretch, stretch

Accept = Callable[[Stretch, Operation, Plan], bool]
log = structlog.get_logger(__name__)
LONG = 0.25  # seconds after which a transaction ends though more could be done: others wait for it
LOOKED_AT = (OperationState.READY, OperationState.WAITING, OperationState.FAILED)
LOSSES = 5  # so often others may be faster; then the sweep looks again
_OPERATION = Prepared(lambda: Operation.objects.filter(id=Given("id")).order_by())


def owner() -> str:
    """Return who this thread is, for the record."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


def due_ids(moment: datetime, limit: int, *, grace: timedelta = timedelta(0)) -> list[UUID]:
    """Return operations that somebody should work on: each half of the question has its own index.

    What was started within the grace is left to the doorbell that rings for it.
    """
    return _due(limit).rows(moment=moment, young=moment - grace)


@cache
def _due(limit: int) -> Prepared[UUID]:
    moment, young = Given("moment", DateTimeField()), Given("young", DateTimeField())

    def ask() -> QuerySet[Operation, UUID]:
        waiting = [Literal(state) for state in LOOKED_AT]
        rung = Q(epoch=0, next_at=F("created_at"), created_at__gt=young)
        looked_at = Operation.objects.filter(state__in=waiting, next_at__lte=moment).filter(~rung)
        running = Literal(OperationState.RUNNING)
        abandoned = Operation.objects.filter(state=running, lease_until__lt=moment)
        halves = (rows.order_by().values_list("id", flat=True) for rows in (looked_at, abandoned))
        first, second = halves
        return first.union(second, all=True)[:limit]

    return Prepared(ask)


def _is_due(row: Operation, moment: datetime) -> bool:
    if row.state == OperationState.RUNNING:
        return row.lease_until is not None and row.lease_until < moment
    return row.state in LOOKED_AT and row.next_at is not None and row.next_at <= moment


def _find_due(operation_id: UUID) -> Operation | None:
    """Return an operation to work on until the transaction ends; None when not due, or somebody is at it."""
    if not alone_with(operation_id, wait=False):
        return None
    row = _OPERATION.row(id=operation_id)
    return row if row is not None and _is_due(row, now()) else None


def _take(work: Stretch, operation: Operation) -> None:
    """CLAIM (OPERATIONS 8): written with all that follows in this transaction."""
    reach("claim.before", whole(operation.id))
    stuck = operation.state == OperationState.FAILED
    put_off(operation)
    write(
        operation,
        state=OperationState.RUNNING,
        owner=owner(),
        epoch=epoch.draw(),
        lease_until=lease(),
    )
    if stuck:  # an operator's or the sweep's new try of a stuck undo
        Step.objects.filter(
            operation=operation, direction=Direction.UNDO, state=StepState.FAILED
        ).update(failures=0, final=False)
    work.committed("claim.after", whole(operation.id))


def advance(operation_id: UUID | str, *, accept: Accept | None = None) -> None:
    """Claim the operation and work on it until it waits, ends, or belongs to somebody else.

    ``accept`` writes, in the same transaction, what a host answered. What cannot be committed together
    (a bug of ours, a database that gave up) is done again move by move, so that one of them fails alone.
    """
    key = _uuid(operation_id)
    try:
        _work(key, LONG, accept)
    except Exception:
        log.warning("operation is tried again move by move", operation=str(key), exc_info=True)
        _work(key, 0, accept)


def _uuid(operation_id: UUID | str) -> UUID:
    return operation_id if isinstance(operation_id, UUID) else UUID(operation_id)


def _work(key: UUID, limit: float, accept: Accept | None) -> None:
    mine: Operation | None = None  # its claim is committed
    plan: Plan | None = None  # nobody else writes its rows while the claim holds
    raised: Exception | None = None
    lost = 0
    while lost < LOSSES:
        operation = mine
        try:
            with stretch(limit) as work:
                if operation is None and accept is not None:
                    operation, plan = _answered(work, key, accept)
                elif operation is None:
                    operation, plan = _find_due(key), None
                if operation is None:
                    return
                structlog.contextvars.bind_contextvars(
                    request_id=operation.request_id, operation=str(operation.id)
                )
                if mine is None:
                    _take(work, operation)
                else:
                    put_off(operation)
                goes_on, plan = _go(work, operation, plan, raised, is_new=mine is None)
                flush(operation)
                operation.unwritten = None
            mine, accept = operation, None
            raised = None if work.has_moved else raised
            if not goes_on:
                return
        except Lost:
            mine, plan, raised, lost = _reread(mine), None, None, lost + 1
        except Raised as stopped:
            mine, plan, raised = _reread(mine), None, stopped.error
        except Exception as error:
            if mine is None:
                raise
            log.exception("operation hit a bug", kind=mine.kind)
            _after_bug(mine, error)
            return
        finally:
            structlog.contextvars.unbind_contextvars("request_id", "operation")


def _answered(work: Stretch, key: UUID, accept: Accept) -> tuple[Operation | None, Plan | None]:
    """Write a host's answer; return its operation if that is to be gone on with at once."""
    alone_with(key, wait=True)
    operation = _OPERATION.row(id=key)
    if operation is None or operation.state != OperationState.WAITING:
        return None, None
    plan = Plan(Saga.REGISTRY.get(operation.kind, Saga), operation)
    return (operation, plan) if accept(work, operation, plan) else (None, None)


def _go(
    work: Stretch,
    operation: Operation,
    plan: Plan | None,
    raised: Exception | None,
    *,
    is_new: bool,
) -> tuple[bool, Plan | None]:
    """Move on until the operation waits or ends, or this transaction has lasted long enough."""
    if plan is not None:
        plan.memory.clear()
    saga = Saga.REGISTRY.get(operation.kind)
    if saga is None:  # a newer release's; leave it to a worker that knows it
        _put_back(operation, timedelta(seconds=intervals().order_retry))
        return False, None
    if is_new and saga.coalesce:  # others join until they can see that it is looked at
        flush(operation)
    if is_new and (not work.limit or (saga.coalesce and has_row_locks())):
        return True, plan
    while True:
        if plan is None or plan.is_stale:
            plan = Plan(saga, operation)
        if not plan.is_known:  # as with a kind that only a newer release knows
            _put_back(operation, timedelta(seconds=intervals().order_retry))
            return False, None
        if not _one_move(work, plan.saga, operation, plan, raised):
            return False, None
        raised, work.has_moved = None, True
        if work.is_over():
            return True, plan


def _one_move(
    work: Stretch,
    saga: type[Saga],
    operation: Operation,
    plan: Plan,
    raised: Exception | None,
) -> bool:
    """Do one thing; tell whether there is more to do under this claim.

    ``raised``: the step at the cursor was tried, and this is how it failed.
    """
    forward = operation.direction == Direction.DO
    if forward and not operation.past_pivot:
        if operation.preempted_by_id is not None:
            plan.is_stale = True
            return turn_back(work, operation, None)
        if operation.deadline_at <= now():
            plan.is_stale = True
            return turn_back(work, operation, _out_of_time(operation))
    if forward:
        if operation.cursor >= len(saga.steps):
            return end(work, saga, operation, plan, OperationState.DONE)
        outcome = move(work, operation, plan, Direction.DO, raised)
        plan.is_stale = plan.is_stale or isinstance(outcome, Failure)
        return _judge(work, saga, operation, outcome)
    if operation.undo_floor is not None and operation.cursor < operation.undo_floor:
        plan.is_stale = True
        return next_round(saga, operation)
    if operation.cursor < 0:
        return end(work, saga, operation, plan, OperationState.UNDONE)
    outcome = move(work, operation, plan, Direction.UNDO, raised)
    if isinstance(outcome, Failure):
        return get_stuck(saga, operation, plan, outcome)
    return outcome


def _out_of_time(operation: Operation) -> Failure:
    """Return why the deadline passed: what failed, or what was waited for."""
    ended = (StepState.DONE, StepState.ABANDONED)
    waited = Step.objects.filter(operation=operation, error_code__gt="").exclude(state__in=ended)
    reason = operation if operation.error_code else waited.first()
    if reason is None:
        return Failure("timeout", "It took too long and was given up.")
    return Failure(reason.error_code, reason.error_public, reason.error_detail)


def _judge(work: Stretch, saga: type[Saga], operation: Operation, outcome: bool | Failure) -> bool:
    """Turn back when a step failed for good, to another host where the saga allows that."""
    if not isinstance(outcome, Failure):
        return outcome
    if operation.past_pivot and outcome.code != CameToNothing.code:
        # forward only: tried again until it works (OPERATIONS 29)
        Step.objects.filter(
            operation=operation, direction=Direction.DO, state=StepState.FAILED
        ).update(failures=0, final=False)
        _put_back(operation, timedelta(seconds=intervals().undo_retry))
        return False
    floor = _retry_floor(saga, operation, outcome)
    return turn_back(work, operation, outcome, floor=floor)


def _retry_floor(saga: type[Saga], operation: Operation, failure: Failure) -> int | None:
    """Return the claim step's index if this failure is its host's fault and other hosts remain."""
    if saga.retry_from is None or not failure.host:
        return None
    floor = saga.index_of(saga.retry_from)
    if operation.cursor <= floor:
        return None
    is_last = len(operation.excluded_hosts) + 1 >= saga.max_hosts
    return None if is_last and failure.code != HostDown.code else floor


def turn_back(
    work: Stretch, operation: Operation, failure: Failure | None, *, floor: int | None = None
) -> bool:
    """Start undoing (OPERATIONS 25 and 31); with ``floor`` only down to that step."""
    work.limit = 0  # why it turns back is on record before anything is taken back
    excluded = list(operation.excluded_hosts)
    at_fault = failure is not None and floor is not None and failure.code != HostDown.code
    if failure is not None and at_fault and failure.host not in excluded:
        excluded.append(failure.host)
    Step.objects.filter(operation=operation, state=StepState.STARTED).update(
        state=StepState.ABANDONED, ended_at=now()
    )
    values: dict[str, Any] = {
        "direction": Direction.UNDO,
        "past_pivot": False,
        "undo_floor": floor,
        "excluded_hosts": excluded,
        "lease_until": lease(),
    }
    if failure is not None:
        values |= {
            "error_code": failure.code,
            "error_public": failure.public,
            "error_detail": failure.detail,
        }
    write(operation, **values)
    return True


def _reread(operation: Operation | None) -> Operation | None:
    """After what was not committed: go on only if the claim is still ours (we were pre-empted)."""
    if operation is None:
        return None
    found = Operation.objects.get(id=operation.id)
    mine = found.epoch == operation.epoch and found.state == OperationState.RUNNING
    return found if mine else None


def _put_back(operation: Operation, delay: timedelta) -> None:
    write(
        operation, state=OperationState.WAITING, owner="", lease_until=None, next_at=now() + delay
    )


def _after_bug(operation: Operation, error: Exception) -> None:
    """Let an operation that our own code cannot move wait, so that it never stops the others."""
    delay = intervals().backoff * random.uniform(5, 10)  # noqa: S311 - jitter, not a secret
    Operation.objects.filter(
        id=operation.id, epoch=operation.epoch, state=OperationState.RUNNING
    ).update(
        state=OperationState.WAITING,
        owner="",
        lease_until=None,
        next_at=now() + timedelta(seconds=delay),
        error_detail=repr(error)[:2000],
    )
