"""Periodic tasks: methods of managers and agents that are run again and again.

``@periodic(every=…)`` marks one. A manager's is run by Celery beat, once an interval however many
control workers there are (``operations/periodic``); an agent's by its host (``cloudweb/timetable.py``).
Each is known by its name, ``<app>.<method>``, and by nothing else that a message could say.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
SHORTEST, LONGEST = 1, 366 * 86400  # seconds between two runs
LONGEST_NAME = 96
MARK = "periodic_every"


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """One method that is run every so many seconds; ``owner`` is its class."""

    name: str
    every: int
    does: str
    owner: type
    method: str


def periodic(*, every: float | timedelta) -> Callable[[F], F]:
    """Let a method that needs no arguments run every so many (whole) seconds.

    An operator may change the interval, pause the task or run it now. It runs again after a failure or a
    crash, so it finishes what an earlier run left. Raises ValueError for an impossible interval.
    """
    seconds = every.total_seconds() if isinstance(every, timedelta) else every
    if not SHORTEST <= seconds <= LONGEST or seconds != math.floor(seconds):
        raise ValueError(f"every must be {SHORTEST} to {LONGEST} whole seconds, not {every!r}")

    def mark(method: F) -> F:
        setattr(method, MARK, int(seconds))
        return method

    return mark


def marked(kind: type, *, prefix: str) -> Iterator[PeriodicTask]:
    """Give the periodic tasks that a class itself declares; raise TypeError for a useless one."""
    for method, function in vars(kind).items():
        every = getattr(function, MARK, None)
        if every is None:
            continue
        name = f"{prefix}.{method}"
        does = (inspect.getdoc(function) or "").partition("\n")[0].strip()
        if not does:
            raise TypeError(f"{kind.__name__}.{method}: operators read its docstring; write one")
        if len(name) > LONGEST_NAME:
            raise TypeError(f"{name} has more than {LONGEST_NAME} characters")
        yield PeriodicTask(name, every, does, kind, method)


class Registry:
    """The periodic tasks of all managers that were imported, by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, PeriodicTask] = {}

    def add(self, kind: type) -> None:
        """Take up what a manager declares; raise TypeError where the name is another's."""
        for task in marked(kind, prefix=kind.__module__.partition(".")[0]):
            known = self._tasks.get(task.name)
            if known is not None and _place(known.owner) != _place(kind):
                raise TypeError(
                    f"Two periodic tasks are named {task.name}: {_place(known.owner)}, {_place(kind)}"
                )
            self._tasks[task.name] = task

    def get(self, name: object) -> PeriodicTask | None:
        """Return a task; None for a name nobody declared."""
        return self._tasks.get(name) if isinstance(name, str) else None

    def all(self) -> list[PeriodicTask]:
        """Return every task, by name."""
        return [self._tasks[name] for name in sorted(self._tasks)]


#: What managers declared.
TASKS = Registry()


def _place(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
