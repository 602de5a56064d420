"""Which backups of a schedule are kept: the last ones, and the newest of each of so many days, weeks and months."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many of each are kept."""

    last: int
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


def kept(taken: Mapping[K, datetime], rules: Retention) -> Set[K]:
    """Return what is kept of backups by when they were taken; the newest one in any case."""
    newest_first = sorted(taken, key=lambda one: taken[one], reverse=True)
    found = {*newest_first[: max(1, rules.last)]}
    periods: tuple[tuple[int, Callable[[datetime], Hashable]], ...] = (
        (rules.daily, lambda at: at.date()),
        (rules.weekly, lambda at: at.isocalendar()[:2]),
        (rules.monthly, lambda at: (at.year, at.month)),
    )
    for count, period_of in periods:
        newest: dict[Hashable, K] = {}
        for one in newest_first:
            newest.setdefault(period_of(taken[one].astimezone(UTC)), one)
        found |= {*list(newest.values())[:count]}
    return found
