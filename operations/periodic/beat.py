"""Celery beat with django-celery-beat's database scheduler: it rings, and nothing else.

Several may run at once, or none: a task runs once an interval all the same (``claims``), and the sweep
begins what nobody rang for.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog
from celery import Celery
from django.db import connections
from django.utils import timezone
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from cloudweb import rpc
from cloudweb.database.clock import now
from cloudweb.pulse import pulse
from operations import doorbell
from operations.models import PeriodicTask
from operations.periodic import table

log = structlog.get_logger(__name__)
#: An operator's change is followed within so many seconds.
LOOKS_EVERY = 5.0


class GridEntry(ModelEntry):
    """A task as beat sees it; it keeps to the grid of its intervals, whenever beat wakes up."""

    def __next__(self) -> GridEntry:
        due = self.last_run_at + self.schedule.run_every
        following: GridEntry = super().__next__()
        if following.last_run_at - due < self.schedule.run_every:
            following.last_run_at = due
        return following


class Schedule(DatabaseScheduler):
    """The database scheduler with its phase from the rows that decide, and our doorbell to ring.

    It has no connection to the broker of its own: where one is missing, that of Celery waits for ever.
    """

    Entry = GridEntry
    producer = None

    def install_default_entries(self, data: Any) -> None:
        """Install none: there are no results to clean up."""

    def enabled_models_qs(self) -> Any:
        """Return our entries; nobody else's are rung."""
        return self.Model.objects.enabled().filter(task=rpc.PERIODIC)

    def all_as_schedule(self) -> dict[str, GridEntry]:
        """Return what is to be rung, each due when its row says so."""
        table.bring_forward()
        rows = PeriodicTask.objects.filter(host="", paused=False)
        due = dict(rows.values_list("name", "next_at"))
        offset = now() - timezone.now()
        entries: dict[str, GridEntry] = super().all_as_schedule()
        for name, entry in entries.items():
            if (at := due.get(name)) is not None:
                entry.last_run_at = at - offset - entry.schedule.run_every
        return {name: entry for name, entry in entries.items() if name in due}

    def sync(self) -> None:
        """Write nothing: when a task ran is in its row."""
        self._dirty.clear()

    def apply_async(self, entry: GridEntry, *_: Any, **__: Any) -> None:
        """Ring for a task; a broker that is away holds nobody up."""
        doorbell.later(lambda: rpc.ring_periodic(entry.name))


class Beat(threading.Thread):
    """Beat inside a control worker, or alone in its process (``manage.py service beat``)."""

    def __init__(self, app: Celery) -> None:
        super().__init__(name="beat", daemon=True)
        self._app = app
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End soon."""
        self._stopped.set()

    def run(self) -> None:
        """Ring until told to stop; a database that is away is tried again."""
        pulse().part(self.name)
        while not self._stopped.is_set():
            try:
                self._beat()
            except Exception:
                log.exception("beat met an error")
                self._stopped.wait(1)
            pulse().beat(self.name)
        pulse().excuse(self.name)
        connections.close_all()

    def _beat(self) -> None:
        scheduler = Schedule(app=self._app, max_interval=LOOKS_EVERY)
        while not self._stopped.wait(max(0.0, scheduler.tick())):
            pulse().beat(self.name)
