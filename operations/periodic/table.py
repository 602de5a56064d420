"""What periodic tasks there are. Ours is the one truth; django-celery-beat's tables follow it for beat."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django_celery_beat.models import IntervalSchedule
from django_celery_beat.models import PeriodicTask as Entry

from cloudweb import rpc
from cloudweb.conf import intervals
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.periodic import TASKS
from cloudweb.rpc import PERIODIC
from operations import doorbell
from operations.models import PeriodicTask
from operations.periodic import hosts

#: A task whose code nobody had for so long is forgotten, with what operators set.
FORGOTTEN = timedelta(days=7)


def register() -> None:
    """Write down the tasks that this release's managers bring; what operators set stays."""
    moment = now()
    new = [
        PeriodicTask(
            name=task.name,
            does=task.does[:300],
            default_every=task.every,
            next_at=moment + timedelta(seconds=task.every),
        )
        for task in TASKS.all()
    ]
    bring_forward()
    with transaction.atomic():
        PeriodicTask.objects.bulk_create(new, ignore_conflicts=True)
        rows = {row.name: row for row in locked(PeriodicTask.objects.filter(host=""))}
        for task in TASKS.all():
            row = rows[task.name]
            before = row.interval
            row.does, row.default_every, row.seen_at = task.does[:300], task.every, moment
            if row.interval != before:
                reschedule(row)
            row.save(update_fields=["does", "default_every", "seen_at", "next_at"])
        _mirror(rows.values())
        _drop(rows.keys())


def forget_old() -> None:
    """Drop the tasks whose code, or whose host, has been gone for a week."""
    with transaction.atomic():
        PeriodicTask.objects.filter(seen_at__lt=now() - FORGOTTEN).delete()
        _drop(PeriodicTask.objects.filter(host="").values_list("name", flat=True))


def bring_forward() -> None:
    """Let no task wait for a time that a clock which was wrong for a while has set."""
    moment = now()
    longest = timedelta(seconds=intervals().lease * 2)
    PeriodicTask.objects.filter(host="", lease_until__gt=moment + longest).update(
        lease_until=moment + longest
    )
    for row in PeriodicTask.objects.filter(host="", next_at__gt=moment):
        latest = moment + timedelta(seconds=row.interval)
        if row.next_at is not None and row.next_at > latest:
            PeriodicTask.objects.filter(id=row.id, next_at=row.next_at).update(next_at=latest)


def reschedule(row: PeriodicTask) -> None:
    """Set the next run as the interval now asks; at once where the last one was longer ago."""
    moment = now()
    row.next_at = max(moment, (row.started_at or moment) + timedelta(seconds=row.interval))


def follow(row: PeriodicTask) -> None:
    """Let beat (which looks every few seconds) or the task's host know what an operator set."""
    if row.host:
        hosts.tell_after_commit(row.host)
    else:
        _mirror([row])


def ring_after_commit(row: PeriodicTask) -> None:
    """Let a task run that an operator asked for, once the current transaction has committed."""
    if row.host:
        hosts.tell_after_commit(row.host)
    else:
        name = row.name
        ring = lambda: doorbell.later(lambda: rpc.ring_periodic(name))  # noqa: E731
        transaction.on_commit(ring, robust=True)


def _mirror(rows: Iterable[PeriodicTask]) -> None:
    wanted = {row.name: row for row in rows}
    found = {one.name: one for one in Entry.objects.filter(name__in=wanted)}
    for name, row in wanted.items():
        values = {
            "task": PERIODIC,
            "args": json.dumps([name]),
            "interval": _interval(row.interval),
            "enabled": not row.paused,
            "description": row.does,
        }
        entry = found.get(name) or Entry(name=name)
        if entry.pk is None or any(getattr(entry, key) != value for key, value in values.items()):
            for key, value in values.items():
                setattr(entry, key, value)
            entry.save()  # which tells beat


def _interval(seconds: int) -> IntervalSchedule:
    wanted = {"every": seconds, "period": IntervalSchedule.SECONDS}
    return IntervalSchedule.objects.filter(**wanted).first() or IntervalSchedule.objects.create(
        **wanted
    )


def _drop(names: Iterable[str]) -> None:
    Entry.objects.filter(task=PERIODIC).exclude(name__in=list(names)).delete()
