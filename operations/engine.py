"""The engine: claims an operation and moves it as far as it goes (OPERATIONS 8-13 and 23-32).

Any control worker may advance any operation. Whoever does holds a lease and an epoch; every write
carries both, so one who comes late (frozen, slow, doubled) changes nothing.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.killpoints import reach, whole
from operations import epoch
from operations.ending import end, get_stuck, next_round
from operations.guard import Lost, guarded
from operations.models import Operation, Step
from operations.moves import move
from operations.plan import Plan
from operations.saga import Failure, HostDown, Saga
from operations.states import Direction, OperationState, StepState

log = structlog.get_logger(__name__)


def owner() -> str:
    """Return who this thread is, for the record."""
    return f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"


def due(moment: datetime) -> Q:
    """Return the condition of an operation that somebody should work on."""
    waiting = [OperationState.READY, OperationState.WAITING, OperationState.FAILED]
    return Q(state__in=waiting, next_at__lte=moment) | Q(
        state=OperationState.RUNNING, lease_until__lt=moment
    )


def claim(operation_id: UUID | str) -> Operation | None:
    """Take the operation for a lease, with a new epoch; None when it is not due or somebody's."""
    moment = now()
    rows = Operation.objects.filter(due(moment), id=operation_id)
    before = rows.values_list("state", flat=True).first()
    if before is None:
        return None
    reach("claim.before", whole(operation_id))
    with transaction.atomic():
        drawn = epoch.draw()
        taken = rows.update(
            state=OperationState.RUNNING,
            owner=owner(),
            epoch=drawn,
            lease_until=now() + timedelta(seconds=intervals().lease),
        )
        if not taken:
            transaction.set_rollback(True)
            return None
        if before == OperationState.FAILED:  # an operator's or the sweep's new try of a stuck undo
            Step.objects.filter(
                operation_id=operation_id, direction=Direction.UNDO, state=StepState.FAILED
            ).update(failures=0, final=False)
    reach("claim.after", whole(operation_id))
    return Operation.objects.select_related("preempted_by").get(id=operation_id)


def advance(operation_id: UUID | str) -> None:
    """Claim the operation and work on it until it waits, ends, or belongs to somebody else."""
    operation = claim(operation_id)
    plan: Plan | None = None  # nobody else writes its rows while the claim holds
    while operation is not None:
        saga = Saga.REGISTRY.get(operation.kind)
        if saga is None:  # a newer release's; leave it to a worker that knows it
            _put_back(operation, timedelta(seconds=intervals().order_retry))
            return
        structlog.contextvars.bind_contextvars(
            request_id=operation.request_id, operation=str(operation.id)
        )
        try:
            if plan is None or plan.is_stale:
                plan = Plan(saga, operation)
            if not _one_move(saga, operation, plan):
                return
        except Lost:
            operation, plan = _reread(operation), None
        except Exception as error:
            log.exception("operation hit a bug", kind=operation.kind)
            _after_bug(operation, error)
            return
        finally:
            structlog.contextvars.unbind_contextvars("request_id", "operation")


def _one_move(saga: type[Saga], operation: Operation, plan: Plan) -> bool:
    """Do one thing; tell whether there is more to do under this claim."""
    forward = operation.direction == Direction.DO
    if forward and not operation.past_pivot:
        if operation.preempted_by_id is not None:
            plan.is_stale = True
            return turn_back(operation, None)
        if operation.deadline_at <= now():
            plan.is_stale = True
            return turn_back(operation, _out_of_time(operation))
    if forward:
        if operation.cursor >= len(saga.steps):
            return end(saga, operation, plan, OperationState.DONE)
        outcome = move(operation, plan, Direction.DO)
        plan.is_stale = plan.is_stale or isinstance(outcome, Failure)
        return _judge(saga, operation, outcome)
    if operation.undo_floor is not None and operation.cursor < operation.undo_floor:
        plan.is_stale = True
        return next_round(saga, operation)
    if operation.cursor < 0:
        return end(saga, operation, plan, OperationState.UNDONE)
    outcome = move(operation, plan, Direction.UNDO)
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


def _judge(saga: type[Saga], operation: Operation, outcome: bool | Failure) -> bool:
    """Turn back when a step failed for good, to another host where the saga allows that."""
    if not isinstance(outcome, Failure):
        return outcome
    if operation.past_pivot:  # forward only: tried again until it works (OPERATIONS 29)
        Step.objects.filter(
            operation=operation, direction=Direction.DO, state=StepState.FAILED
        ).update(failures=0, final=False)
        _put_back(operation, timedelta(seconds=intervals().undo_retry))
        return False
    floor = _retry_floor(saga, operation, outcome)
    return turn_back(operation, outcome, floor=floor)


def _retry_floor(saga: type[Saga], operation: Operation, failure: Failure) -> int | None:
    """Return the claim step's index if this failure is its host's fault and other hosts remain."""
    if saga.retry_from is None or not failure.host:
        return None
    floor = saga.index_of(saga.retry_from)
    if operation.cursor <= floor:
        return None
    is_last = len(operation.excluded_hosts) + 1 >= saga.max_hosts
    return None if is_last and failure.code != HostDown.code else floor


def turn_back(operation: Operation, failure: Failure | None, *, floor: int | None = None) -> bool:
    """Start undoing (OPERATIONS 25 and 31); with ``floor`` only down to that step."""
    excluded = list(operation.excluded_hosts)
    at_fault = failure is not None and floor is not None and failure.code != HostDown.code
    if failure is not None and at_fault and failure.host not in excluded:
        excluded.append(failure.host)
    with transaction.atomic():
        Step.objects.filter(operation=operation, state=StepState.STARTED).update(
            state=StepState.ABANDONED, ended_at=now()
        )
        mine = Operation.objects.filter(
            id=operation.id, epoch=operation.epoch, state=OperationState.RUNNING
        )
        taken = mine.update(
            direction=Direction.UNDO,
            undo_floor=floor,
            excluded_hosts=excluded,
            error_code=failure.code if failure else operation.error_code,
            error_public=failure.public if failure else operation.error_public,
            error_detail=failure.detail if failure else operation.error_detail,
            cursor=F("cursor"),
            lease_until=now() + timedelta(seconds=intervals().lease),
        )
        if not taken:
            raise Lost
    operation.direction = Direction.UNDO
    operation.undo_floor = floor
    operation.excluded_hosts = excluded
    if failure is not None:
        operation.error_code, operation.error_public = failure.code, failure.public
        operation.error_detail = failure.detail
    return True


def _reread(operation: Operation) -> Operation | None:
    """After a lost guard: go on only if the claim is still ours (we were pre-empted)."""
    found = Operation.objects.select_related("preempted_by").get(id=operation.id)
    mine = found.epoch == operation.epoch and found.state == OperationState.RUNNING
    return found if mine else None


def _put_back(operation: Operation, delay: timedelta) -> None:
    guarded(operation).update(
        state=OperationState.WAITING, owner="", lease_until=None, next_at=now() + delay
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
