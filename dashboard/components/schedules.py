"""What pages show of schedules of backups, whatever they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse

if TYPE_CHECKING:
    from cloudweb.schedules import Schedule

#: hours -> how often that is.
RHYTHMS = {
    1: "Every hour",
    6: "Every 6 hours",
    12: "Every 12 hours",
    24: "Every day",
    168: "Every week",
    720: "Every 30 days",
}


def rhythm(hours: int) -> str:
    """Return how often something is that is done again after so many hours."""
    return RHYTHMS.get(hours, f"Every {hours} hours")


def kept_by(schedule: Schedule) -> str:
    """Return which backups of a schedule are kept, as one reads it."""
    parts = [f"the last {schedule.keep_last}"]
    for number, unit in (
        (schedule.keep_daily, "day"),
        (schedule.keep_weekly, "week"),
        (schedule.keep_monthly, "month"),
    ):
        if number:
            parts.append(f"one of each of {number} {unit}{'s' if number > 1 else ''}")
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule in words, and where its buttons lead."""

    row: Schedule
    rhythm: str
    kept: str
    edit: str
    switch: str
    end: str


def schedule_rows(found: Iterable[Schedule], of: str, key: object) -> Sequence[ScheduleRow]:
    """Return the schedules of one thing; ``of`` is what its routes are called by, "" for volumes."""

    def there(verb: str, row: Schedule) -> str:
        return reverse(f"{verb}_{of}schedule", args=[key, row.id])

    return [
        ScheduleRow(
            one,
            rhythm(one.interval),
            kept_by(one),
            there("edit", one),
            there("pause" if one.enabled else "resume", one),
            there("delete", one),
        )
        for one in found
    ]
