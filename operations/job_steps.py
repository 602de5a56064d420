"""A step that is a job: recorded as started, handed to a thread, recorded as done (or not)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from django.db import close_old_connections, transaction

from cloudweb.database.clock import now
from cloudweb.killpoints import reach
from operations import jobs
from operations.doorbell import ring_after_commit
from operations.guard import Lost, attempted, backoff, lease, write
from operations.jobs import Running
from operations.models import Operation, Step
from operations.plan import Plan
from operations.records import advance_cursor, record_failure
from operations.saga import Failure, Job
from operations.states import OperationState, StepState
from operations.stretch import Stretch


def is_late(row: Step) -> bool:
    """Tell whether the row is of a job whose last attempt died and whose time is over."""
    started = row.state == StepState.STARTED and not row.scope
    return started and row.deadline_at is not None and row.deadline_at <= now()


def start(
    work: Stretch, operation: Operation, plan: Plan, row: Step, job: Job, *, undoing: bool
) -> None:
    """Write that a job begins and hand it to a thread, if there is a place for it; else wait for one."""
    if not jobs.pool().take(operation.project_id):
        write(
            operation,
            state=OperationState.WAITING,
            owner="",
            lease_until=None,
            next_at=now() + backoff(0),
        )
        return
    work.instead.append(lambda: jobs.pool().give_back(operation.project_id))
    _record_start(operation, row, job)
    work.after.append(lambda: _hand_over(operation, plan, row, job, undoing=undoing))


def _record_start(operation: Operation, row: Step, job: Job) -> None:
    moment = now()
    if row.state != StepState.STARTED:
        row.deadline_at = moment + job.deadline
        row.started_at = row.started_at or moment
    row.state, row.attempt, row.epoch = StepState.STARTED, row.attempt + 1, operation.epoch
    row.error_code = row.error_public = row.error_detail = row.progress_text = ""
    row.progress, row.ended_at, row.final = 0, None, False
    row.save()
    write(operation, lease_until=lease())
    reach("start_job.before_commit", row.place)


def _hand_over(operation: Operation, plan: Plan, row: Step, job: Job, *, undoing: bool) -> None:
    """Let a thread do it, after the commit; the claim goes along and is not the caller's any more."""
    reach("start_job.after_commit", row.place)
    running = Running(operation, row)
    jobs.pool().submit(running, lambda: _do(running, plan, job, undoing=undoing))


def _do(running: Running, plan: Plan, job: Job, *, undoing: bool) -> None:
    operation = running.operation
    structlog.contextvars.bind_contextvars(
        request_id=operation.request_id, operation=str(operation.id)
    )
    try:
        reach("job.before", running.row.place)
        result = job.work(running)
        reach("job.after", running.row.place)
        close_old_connections()
        _record_done(running, plan, result or {}, undoing=undoing)
    except Lost:
        running.put_back()
    except Exception as error:  # noqa: BLE001 - whatever a job raises is its failure, on record
        close_old_connections()
        _record_failed(running, plan, error)
    finally:
        structlog.contextvars.unbind_contextvars("request_id", "operation")


def _record_done(running: Running, plan: Plan, result: Mapping[str, Any], *, undoing: bool) -> None:
    operation, row = running.operation, running.row
    with attempted(operation):
        row.state, row.result, row.ended_at, row.progress = StepState.DONE, dict(result), now(), 100
        row.error_code = row.error_public = row.error_detail = ""
        if not undoing and plan.step.done is not None:
            plan.step.done(plan.run(), [row.result])
        advance_cursor(operation, plan, undoing=undoing)
        row.save()
        write(operation, state=OperationState.READY, next_at=now(), owner="", lease_until=None)
        ring_after_commit(operation.id)
        reach("end_job.before_commit", row.place)
    reach("end_job.after_commit", row.place)


def _record_failed(running: Running, plan: Plan, error: Exception) -> None:
    try:
        with transaction.atomic():
            write(running.operation, lease_until=lease())  # one who comes late fails nothing
            outcome = record_failure(running.operation, plan, running.row, error, counted=True)
    except Lost:
        running.put_back()
        return
    if isinstance(outcome, Failure):
        running.put_back()
