"""One move of one step: run it here, order it from hosts, look again, or settle it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.prepared import write_whole
from cloudweb.encryption import encrypt
from cloudweb.exceptions import NotYet
from cloudweb.killpoints import reach
from cloudweb.rpc import Order, send_order
from operations import children, job_steps
from operations.children import Unfinished
from operations.guard import Lost, attempted, backoff, lease, write
from operations.holding import ResourceBusy
from operations.lost import would_be_named
from operations.models import Debt, Operation, Step
from operations.orders import signed
from operations.plan import Plan
from operations.records import (
    AWAITED,
    advance_cursor,
    failure,
    new_row,
    record_failure,
    record_local,
    record_refusal,
)
from operations.saga import Child, Failure, HostDown, Job, StepResult, TookTooLong, TransientHost
from operations.sealing import opened
from operations.services import Peer, is_up, peer
from operations.states import Direction, OperationState, StepState
from operations.stretch import Raised, Stretch
from operations.versions import HostTooOld, payload_for

Cast = tuple[Step, Order, dict[str, Any]]  # with the payload in the version of its host


def move(
    work: Stretch,
    operation: Operation,
    plan: Plan,
    direction: str,
    raised: Exception | None = None,
) -> bool | Failure:
    """Move the cursor's step on.

    Returns True when there is more to do at once, False when the operation now waits, or the
    Failure for which the step cannot be done. ``raised``: it was tried, and this is how it failed.
    """
    undoing = direction == Direction.UNDO
    rows = plan.rows(direction)
    if rows and rows[0].child_id and rows[0].state == StepState.STARTED:
        work.limit = 0  # what is locked now is not held while more is done
        return children.look_again(operation, plan, rows[0])
    if undoing and _nothing_to_undo(plan):
        write(operation, cursor=operation.cursor - 1, lease_until=lease())
        return True
    if rows and (rows[0].scope or rows[0].child_id) and all(_settled(row) for row in rows):
        return _settle(work, operation, plan, rows, undoing=undoing)
    for row in rows:
        exhausted = row.final or row.failures >= plan.step.max_failures
        if row.state == StepState.FAILED and exhausted and not _may_owe(plan, row, undoing=undoing):
            return failure(row)
    first = rows[0] if rows else new_row(operation, plan, 0, undoing=undoing)
    if raised is not None:
        return _judge(work, operation, plan, first, raised, undoing=undoing)
    return _start(work, operation, plan, rows, first, undoing=undoing)


def _may_owe(plan: Plan, row: Step, *, undoing: bool) -> bool:
    """Tell whether a host that failed is down and may do this later."""
    allowed = (undoing or plan.step.owes) and bool(row.scope)
    return allowed and not is_up(row.host, row.scope.partition(":")[0])


def _settled(row: Step) -> bool:
    return row.state in (StepState.DONE, StepState.ABANDONED)


def _nothing_to_undo(plan: Plan) -> bool:
    if plan.operation.cursor >= len(plan.saga.steps):
        return True
    if plan.step.undo is None:
        return children.under_way(plan) is None
    return all(row.state == StepState.PENDING for row in plan.rows(Direction.DO))


def _settle(
    work: Stretch, operation: Operation, plan: Plan, rows: list[Step], *, undoing: bool
) -> bool:
    """All replies are there: let the step see them once, and go on."""
    hears = plan.step.undone if undoing else plan.step.done
    if hears is not None:
        hears(plan.run(), [opened(row.result) for row in rows if row.state == StepState.DONE])
    advance_cursor(operation, plan, undoing=undoing)
    reach("settle.before_commit", rows[0].place)
    work.committed("settle.after_commit", rows[0].place)
    return True


def _start(
    work: Stretch,
    operation: Operation,
    plan: Plan,
    rows: list[Step],
    first: Step,
    *,
    undoing: bool,
) -> bool | Failure:
    """Run the step's function: its effect, or its orders, and their record are one transaction.

    When it raises, what it wrote is undone and what came before it in this transaction is not.
    """
    if job_steps.is_late(first):
        return record_failure(operation, plan, first, TookTooLong())
    unfinished = children.under_way(plan) if undoing else None
    if (plan.step.undo if undoing else plan.step.do) is None:
        assert unfinished is not None
        return children.turn_back(work, operation, plan, first, unfinished)
    left = len(work.after), len(work.instead)
    try:
        with attempted(operation) if work.has_moved else nullcontext():
            return _run(work, operation, plan, rows, first, unfinished, undoing=undoing)
    except Lost:
        raise
    except Exception as error:
        if not work.has_moved:
            raise Raised(error) from error
        work.forget(*left)
        return _judge(work, operation, plan, first, error, undoing=undoing)


def _judge(
    work: Stretch, operation: Operation, plan: Plan, first: Step, error: Exception, *, undoing: bool
) -> bool | Failure:
    """Whatever a step raises is its failure, on record."""
    plan.is_stale = True
    plan.memory.clear()
    unfinished = children.under_way(plan) if isinstance(error, Unfinished) else None
    if unfinished is not None:
        return children.turn_back(work, operation, plan, first, unfinished)
    if isinstance(error, HostTooOld):
        return record_refusal(operation, plan, first, error)
    if isinstance(error, Unfinished):  # it has ended meanwhile
        error = NotYet("It has just ended.")
    if undoing and isinstance(error, ResourceBusy):
        error = NotYet(error.message)
    return record_failure(operation, plan, first, error)


def _run(
    work: Stretch,
    operation: Operation,
    plan: Plan,
    rows: list[Step],
    first: Step,
    unfinished: Operation | None,
    *,
    undoing: bool,
) -> bool:
    function = plan.step.undo if undoing else plan.step.do
    assert function is not None
    began, place = now(), first.place
    run = plan.run(result=plan.outcome() if undoing else None, attempt=first.attempt + 1)
    reach("step.before", place)
    result = function(run)
    if unfinished is not None:
        children.check_takes_it(result)
    orders = _orders(result)
    plan.is_stale = bool(orders) or undoing or isinstance(result, Child)
    if isinstance(result, Child):
        children.record_start(operation, first, result, run.context, undoing=undoing)
        work.committed("child.after_commit", place)
        return False
    if isinstance(result, Job):
        job_steps.start(work, operation, plan, first, result, undoing=undoing)
        return False
    if not orders:
        record_local(first, result, attempt=first.attempt + 1, began=began)
        advance_cursor(operation, plan, undoing=undoing)
        word = "undo" if undoing else "local"
        reach(f"{word}.before_commit", place)
        work.committed(f"{word}.after_commit", place)
        return True
    casts = _record_orders(operation, plan, rows, first, orders, undoing=undoing)
    reach("order.before_commit", place)
    work.committed("order.after_commit", place)
    if not casts:
        return operation.state == OperationState.RUNNING
    work.after.append(lambda: _cast(operation, first, casts))
    return False


def _cast(operation: Operation, first: Step, casts: list[Cast]) -> None:
    reach("cast.before", first.place)
    for row, order, payload in casts:
        send_order(order.host, order.method, signed(operation, row, order, payload))
    reach("cast.after", first.place)


def _orders(result: StepResult) -> list[Order]:
    if result is None or isinstance(result, Mapping | Job | Child):
        return []
    return [result] if isinstance(result, Order) else list(_checked(result))


def _checked(result: Sequence[Order]) -> Sequence[Order]:
    scopes = [order.scope for order in result]
    if len(set(scopes)) != len(scopes):
        raise ValueError("a step gave two orders about one scope")
    return result


def _record_orders(
    operation: Operation,
    plan: Plan,
    rows: list[Step],
    first: Step,
    orders: list[Order],
    *,
    undoing: bool,
) -> list[Cast]:
    """Write the transaction of OPERATIONS 12 and return what to cast after it.

    Rows are matched by scope, so a further attempt touches only what has not been answered. An order
    to a host that is down fails its row, or becomes a debt where that is allowed.
    """
    step = plan.step
    known = {row.scope: row for row in rows if row.scope}
    places = {(order.host, order.contract.domain) for order in orders}
    peers = {place: peer(*place) for place in places}
    payloads = _payloads(orders, peers, known)
    unused = [first] if not known else []
    parts = len(known)
    moment = now()
    casts: list[Cast] = []
    open_until: list[datetime] = []
    for order in orders:
        row = known.pop(order.scope, None)
        if row is None:
            row = unused.pop() if unused else new_row(operation, plan, parts, undoing=undoing)
            parts += 1
        if row.state == StepState.DONE:
            continue
        row.scope, row.host = order.scope, order.host
        is_late = row.state == StepState.STARTED and (row.deadline_at or moment) <= moment
        if not peers[order.host, order.contract.domain].up:
            if undoing or step.owes:
                _owe(operation, row, order)
                continue
            if not plan.has_other_hosts():
                _await_host(row)
                open_until.append(moment + timedelta(seconds=intervals().report))
                continue
            _fail_for_host(row, HostDown())
            if row.failures < step.max_failures:
                open_until.append(moment + backoff(row.failures))
            continue
        if is_late and not (undoing or step.owes):  # those are tried until they are done (48)
            _fail_for_host(row, TransientHost("The host did not answer in time."))
            if row.failures < step.max_failures:
                open_until.append(moment + backoff(row.failures))
            continue
        limit = step.deadline or order.contract.deadline
        if is_late or row.heard_at is None or row.state != StepState.STARTED:
            row.deadline_at = _queued_until(operation, moment, limit)
        if row.state == StepState.STARTED and _may_have(
            row, peers[order.host, order.contract.domain]
        ):
            row.save(update_fields=["deadline_at"])
        else:
            _record_cast(row, epoch=operation.epoch, limit=limit, moment=moment)
            casts.append((row, order, payloads[order.scope]))
        assert row.deadline_at is not None
        open_until.append(min(row.deadline_at, moment + timedelta(seconds=intervals().order_retry)))
    for gone in known.values():
        if gone.state != StepState.DONE:  # its resource is no longer there
            gone.state, gone.ended_at = StepState.ABANDONED, moment
            gone.save()
    if open_until:
        write(
            operation,
            state=OperationState.WAITING,
            owner="",
            lease_until=None,
            next_at=min(open_until),
        )
    else:
        write(operation, lease_until=lease())
    return casts


def _payloads(
    orders: list[Order], peers: Mapping[tuple[str, str], Peer], known: Mapping[str, Step]
) -> dict[str, dict[str, Any]]:
    """Return by scope what is said to hosts that are up; raise HostTooOld before any is told."""
    said = {}
    for order in orders:
        host = peers[order.host, order.contract.domain]
        row = known.get(order.scope)
        if host.up and (row is None or row.state != StepState.DONE):
            said[order.scope] = payload_for(order, host.speaks)
    return said


def _may_have(row: Step, peer: Peer) -> bool:
    """Tell whether the host has the order (OPERATIONS 45), or may not have read it or been heard since.

    What is ordered again for a report or a queue that waits to be read would be done twice.
    """
    if row.heard_at is not None or row.cast_at is None:
        return row.heard_at is not None
    return peer.seen_at is not None and not would_be_named(
        row.cast_at, seen_at=peer.seen_at, taken_at=peer.taken_at
    )


def _queued_until(operation: Operation, moment: datetime, limit: float) -> datetime:
    """Return the deadline of an order that its host has not begun: the operation's own (OPERATIONS 45).

    An undo, or what is past the point of no return, may come after that.
    """
    return max(operation.deadline_at, moment + timedelta(seconds=limit))


def _record_cast(row: Step, *, epoch: int, limit: float, moment: datetime) -> None:
    """Write the next attempt, about to be cast; whatever the host had of it before counts no more."""
    row.state, row.attempt, row.epoch = StepState.STARTED, row.attempt + 1, epoch
    row.started_at, row.cast_at, row.time_limit = row.started_at or moment, moment, limit
    row.heard_at = row.executing_at = row.ended_at = None
    row.error_code = row.error_public = row.error_detail = row.progress_text = ""
    row.final = False
    write_whole(row)


def _owe(operation: Operation, row: Step, order: Order) -> None:
    """Let the host pay later; the operation goes on (OPERATIONS 27)."""
    moment = now()
    Debt.objects.create(
        host=order.host,
        scope=order.scope,
        epoch=operation.epoch,
        method=order.method,
        sealed=encrypt(json.dumps(order.payload.dump())),
        operation_id=operation.id,
    )
    row.state, row.result, row.ended_at = StepState.DONE, {"debt": True}, moment
    row.started_at = row.started_at or moment
    row.progress_text = "the host is down: it owes this"
    row.save()


def _await_host(row: Step) -> None:
    """Wait for the host without counting a failure (OPERATIONS 44).

    What was ordered before stays STARTED or FAILED: it may have happened, and its undo must see to it (26).
    """
    error = HostDown()
    row.progress_text = AWAITED
    row.error_code, row.error_public = error.code, error.message
    if not row.attempt:
        row.state = StepState.PENDING
    row.save()


def _fail_for_host(row: Step, error: TransientHost) -> None:
    row.state, row.failures = StepState.FAILED, row.failures + 1
    row.error_code, row.error_public = error.code, error.message
    row.started_at, row.ended_at = row.started_at or now(), now()
    row.save()
