"""Schedules of backups: when something is backed up by itself, and which of those backups are kept.

Each app that has them has a table of its own, which says of what they are (``Schedule`` is its base), and
a manager that takes and deletes the backups.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.db import models, transaction
from django.db.models import QuerySet

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import BadRequest, CloudwebError, NotFound
from cloudweb.retention import Retention, kept

log = structlog.get_logger(__name__)
#: So many are looked after in one round.
ROUND = 200
#: One that could not begin for what else was done is tried again after this.
SOON = timedelta(minutes=10)
#: Of one thing.
MOST = 10


class BackupScheduleNotFound(NotFound):
    """No such schedule, or none this caller may see."""

    code = "backup_schedule_not_found"

    def __init__(self, schedule_id: object) -> None:
        super().__init__(f"Backup schedule {str(schedule_id)[:80]} could not be found.")


class TooManySchedules(BadRequest):
    """Something has as many schedules as one may have."""

    code = "too_many_schedules"

    def __init__(self, noun: str) -> None:
        super().__init__(f"A {noun} has {MOST} schedules of backups at most.")


class NotNow(CloudwebError):
    """Something else is done to what a schedule backs up: it is tried again soon, not at its next time."""

    code = "schedule_not_now"


class Schedule(models.Model):
    """A backup every ``interval`` hours, each ``full_every``-th a full one (0: the first alone).

    Kept are the last ``keep_last``, and the newest of each of so many days, weeks and months; the others
    of this schedule are deleted. ``next_at`` is when the next one is due.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    enabled = models.BooleanField(default=True)
    interval = models.PositiveIntegerField(help_text="hours")
    full_every = models.PositiveIntegerField(default=0)
    keep_last = models.PositiveIntegerField(default=7)
    keep_daily = models.PositiveIntegerField(default=0)
    keep_weekly = models.PositiveIntegerField(default=0)
    keep_monthly = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=now)
    last_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @property
    def owner(self) -> RequestContext:
        """Return the context of what it does: its project's, with a member's rights."""
        return RequestContext(
            user_id=self.user_id or None,
            project_id=self.project_id,
            roles=frozenset({"member", "reader"}),
        )

    def name_at(self, moment: datetime) -> str:
        """Return what the backup of a moment is called."""
        return f"{self.name} {moment:%Y-%m-%d %H:%M}"[:255]

    def wants_full(self, since_full: int) -> bool:
        """Tell whether the next one is a full one, after so many of its backups since one; 0 for none."""
        return not since_full or (bool(self.full_every) and since_full >= self.full_every)

    def not_kept(
        self, whole: Mapping[uuid.UUID, datetime], failed: Mapping[uuid.UUID, datetime]
    ) -> set[uuid.UUID]:
        """Return which of its backups are kept no longer; one that failed says so until there is a newer one."""
        rules = Retention(
            last=self.keep_last,
            daily=self.keep_daily,
            weekly=self.keep_weekly,
            monthly=self.keep_monthly,
        )
        newest = max(whole.values(), default=None)
        older = {key for key, at in failed.items() if newest is not None and at < newest}
        return {*(whole.keys() - kept(whole, rules)), *older}


S = TypeVar("S", bound=Schedule)


def find(rows: QuerySet[S], schedule_id: object) -> S:
    """Return one of these; raise BackupScheduleNotFound."""
    try:
        key = uuid.UUID(str(schedule_id))
    except ValueError as error:
        raise BackupScheduleNotFound(schedule_id) from error
    found = rows.filter(id=key).first()
    if found is None:
        raise BackupScheduleNotFound(schedule_id)
    return found


def change(rows: QuerySet[S], schedule_id: object, changes: Mapping[str, Any]) -> S:
    """Change one of these; another interval counts from its last backup on. Raises BackupScheduleNotFound."""
    with transaction.atomic():
        row = find(locked(rows), schedule_id)
        for name, value in changes.items():
            setattr(row, name, value)
        if "interval" in changes and row.last_at is not None:
            row.next_at = row.last_at + timedelta(hours=row.interval)
        row.updated_at = now()
        row.save()
    return row


def end(rows: QuerySet[S], schedule_id: object) -> None:
    """End one of these; its backups stay. Raises BackupScheduleNotFound."""
    with transaction.atomic():
        find(locked(rows), schedule_id).delete()


def run_due(rows: QuerySet[S], take: Callable[[S, datetime], object]) -> None:
    """Take the backups that are due, each once however many look; what is wrong waits for its next time."""
    due = rows.filter(enabled=True, next_at__lte=now()).order_by("next_at")
    for key in due.values_list("id", flat=True)[:ROUND]:
        with transaction.atomic():
            row = locked(rows.filter(id=key)).first()
            moment = now()
            if row is None or not row.enabled or row.next_at > moment:
                continue
            every = timedelta(hours=row.interval)
            row.next_at += every * (1 + (moment - row.next_at) // every)
            row.save(update_fields=["next_at"])
        try:
            take(row, moment)
        except NotNow as error:
            again = min(row.next_at, moment + SOON)
            rows.filter(id=key).update(next_at=again, last_error=error.message)
        except CloudwebError as error:
            log.warning("a schedule could not back up", schedule=str(key), error=error.message)
            rows.filter(id=key).update(last_error=error.message)
        else:
            rows.filter(id=key).update(last_at=moment, last_error="")
