"""A periodic task of a manager for tests, as long as a block lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django_celery_beat.models import PeriodicTask as Entry

from cloudweb.manager import Manager
from cloudweb.periodic import TASKS, periodic
from cloudweb.periodic import PeriodicTask as Declared
from operations.models import PeriodicTask
from operations.periodic import table

NAME = "harbour.read_tides"


@contextmanager
def read_tides(effect: Callable[[], object], *, every: int = 600) -> Iterator[str]:
    """Declare a task that does this, alone, and write it down; give its name."""
    before = dict(TASKS._tasks)
    TASKS._tasks.clear()

    @periodic(every=every)
    def run(self: Manager) -> None:
        """Read the tides."""
        effect()

    try:
        kind = type("TideManager", (Manager,), {"read_tides": run, "__module__": "harbour.manager"})
        assert isinstance(TASKS.get(NAME), Declared), kind
        table.register()
        yield NAME
    finally:
        TASKS._tasks.clear()
        TASKS._tasks.update(before)


def row() -> PeriodicTask:
    return PeriodicTask.objects.get(name=NAME, host="")


def entry() -> Entry:
    return Entry.objects.get(name=NAME)
