"""How far the orders are that hosts work on: told by their reports, and between them as ``instance.save``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.many import update_each
from cloudweb.identifiers import as_uuid
from cloudweb.remotes import HostTask, TaskProgress
from cloudweb.reports import StepReport
from operations.models import Operation, Step
from operations.states import StepState

QUEUED = "It waits for its turn on the host."


def host_of(task: HostTask) -> str | None:
    """Return the host that works on an order; None for one that nobody waits for any more."""
    row = _row(task)
    return row.host if row is not None else None


def save(host: str, task: HostTask, progress: TaskProgress) -> None:
    """Note how far a host is with an order."""
    row = _row(task)
    if row is not None:
        said = StepReport(
            op=task.op,
            seq=task.seq,
            direction=task.direction,
            attempt=task.attempt,
            outcome="EXECUTING",
            progress=progress.percent,
            text=progress.text,
        )
        note_progress([(row, said)], now())


def _row(task: HostTask) -> Step | None:
    """Return the step of an order's newest attempt, while it is under way."""
    operation_id = as_uuid(task.op)
    if operation_id is None:
        return None
    return Step.objects.filter(
        operation=operation_id,
        seq=task.seq,
        direction=task.direction,
        attempt=task.attempt,
        state=StepState.STARTED,
        host__gt="",
    ).first()


def note_progress(going: Sequence[tuple[Step, StepReport]], moment: datetime) -> None:
    """Note that the host has these orders, and put off the next look at them; two statements for all.

    The time of one starts when it no longer waits for its turn (OPERATIONS 45), and is no matter any more
    once it ended: what is late then is our reading of the answer.
    """
    rows: list[dict[str, Any]] = []
    looks: dict[Any, datetime] = {}
    for row, heard in going:
        queued = heard.queued or heard.attempt is None
        is_new = row.executing_at is None or heard.outcome != "EXECUTING"
        if not queued and is_new and row.time_limit is not None:
            row.executing_at = row.executing_at or moment
            row.deadline_at = moment + timedelta(seconds=row.time_limit)
        rows.append(
            {
                "id": row.id,
                "attempt": row.attempt,
                "heard_at": moment,
                "executing_at": row.executing_at,
                "deadline_at": row.deadline_at,
                "progress": min(100, max(0, heard.progress)),
                "progress_text": QUEUED if queued else heard.text[:200],
            }
        )
        due = moment + timedelta(seconds=intervals().order_retry)
        if row.deadline_at is not None:
            due = min(due, row.deadline_at)
        looks[row.operation_id] = min(due, looks.get(row.operation_id, due))
    still = "old.state = 'STARTED' AND old.attempt = {attempt}"
    update_each(Step, rows, key="id", only_if=still)
    waiting = [{"id": operation_id, "next_at": due} for operation_id, due in looks.items()]
    update_each(Operation, waiting, key="id", only_if="old.state = 'WAITING'")
