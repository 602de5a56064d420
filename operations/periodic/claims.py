"""Who runs a manager's periodic task: the holder of its row's lease, by one guarded UPDATE.

The claim moves the next run on in the same statement, so two rings in one interval run a task once,
whichever workers they reach, and a run that dies is repeated when the next interval begins.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import DateTimeField, F, Q, QuerySet

from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.prepared import Given, Prepared
from cloudweb.periodic import TASKS
from operations.guard import lease
from operations.models import PeriodicTask

MAX_ERROR = 2000


@dataclass(frozen=True, slots=True)
class Claim:
    """One run of a task; whoever has lost it writes nothing more."""

    id: uuid.UUID
    name: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    began: float = field(default_factory=time.monotonic)


def take(name: str) -> Claim | None:
    """Claim a task for a run; None when it is not due, is paused, or somebody runs it."""
    moment = now()
    row = PeriodicTask.objects.filter(_due(moment), _free(moment), name=name, host="").first()
    if row is None:
        return None
    claim = Claim(row.id, name)
    taken = PeriodicTask.objects.filter(
        _due(moment), _free(moment), id=row.id, next_at=row.next_at, asked=row.asked
    ).update(
        owner=claim.token,
        lease_until=lease(),
        started_at=moment,
        answered=row.asked,
        next_at=_after(row, moment),
    )
    return claim if taken else None


def _due(moment: datetime | Given) -> Q:
    return Q(paused=False, next_at__lte=moment) | Q(asked__gt=F("answered"))


def _free(moment: datetime | Given) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=moment)


def _after(row: PeriodicTask, moment: datetime) -> datetime | None:
    """Return the run after this one: a full interval after it was due, or from now where that has passed."""
    if row.next_at is None or row.next_at > moment:
        return row.next_at  # an operator asked for a run in between
    following = row.next_at + timedelta(seconds=row.interval)
    return following if following > moment else moment + timedelta(seconds=row.interval)


def renew(claim: Claim) -> bool:
    """Keep a claim while its run goes on; tell whether it was still held."""
    return bool(_held(claim).update(lease_until=lease()))


def finish(claim: Claim, *, error: str) -> bool:
    """Write how a run ended; tell whether it still counted."""
    moment = now()
    failure = {"error": error[:MAX_ERROR], "error_at": moment} if error else {}
    ended = _held(claim).update(
        owner="",
        lease_until=None,
        ended_at=moment,
        seconds=time.monotonic() - claim.began,
        runs=F("runs") + 1,
        **failure,
    )
    return bool(ended)


def _held(claim: Claim) -> QuerySet[PeriodicTask]:
    return PeriodicTask.objects.filter(id=claim.id, owner=claim.token)


_MOMENT = Given("moment", DateTimeField())
_OVERDUE = Prepared(
    lambda: PeriodicTask.objects.filter(_due(_MOMENT), _free(_MOMENT), host="").order_by("name")
)


def overdue() -> Sequence[str]:
    """Return the tasks that should have been rung a while ago, or were asked for, and nobody runs."""
    moment, known = now(), {task.name for task in TASKS.all()}
    rows = _OVERDUE.rows(moment=moment)
    return [row.name for row in rows if row.name in known and _is_late(row, moment)]


def _is_late(row: PeriodicTask, moment: datetime) -> bool:
    grace = timedelta(seconds=min(intervals().lost_ring, row.interval / 2))
    return row.asked > row.answered or (row.next_at is not None and row.next_at <= moment - grace)
