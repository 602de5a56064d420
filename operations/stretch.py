"""What one transaction does for an operation, and what happens once it is committed.

A claim, the reply it follows from and all moves up to the next wait are one transaction. What leaves the
database (casts, jobs, the points where a process may die after a commit) waits until it is committed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import transaction

from cloudweb.killpoints import Place, reach

Action = Callable[[], object]


class Raised(Exception):
    """A step raised when nothing but the claim came before it: all of the transaction is undone."""

    def __init__(self, error: Exception) -> None:
        super().__init__(repr(error))
        self.error = error


@dataclass
class Stretch:
    """One transaction under way. ``limit`` in seconds; 0 ends it after each move."""

    limit: float
    has_moved: bool = False  # it holds more than a claim
    after: list[Action] = field(default_factory=list)
    instead: list[Action] = field(default_factory=list)  # when it is not committed
    began: float = 0.0

    def is_over(self) -> bool:
        """Tell whether it has lasted long enough."""
        return time.monotonic() - self.began >= self.limit

    def forget(self, after: int, instead: int) -> None:
        """Leave out what was to be done for the sake of something that came to nothing."""
        for action in self.instead[instead:]:
            action()
        del self.after[after:], self.instead[instead:]

    def committed(self, point: str, place: Place) -> None:
        """Pass a point after the commit."""
        self.after.append(lambda: reach(point, place))


@contextmanager
def stretch(limit: float) -> Iterator[Stretch]:
    """Run a block as one transaction and, once it is committed, what it left to be done then."""
    made = Stretch(limit)
    try:
        with transaction.atomic():
            made.began = time.monotonic()  # others waited for nothing yet
            yield made
    except BaseException:
        for action in made.instead:
            action()
        raise
    for action in made.after:
        action()
