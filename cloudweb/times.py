"""Timestamps as each service writes them (contract 1.6). All times are kept in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cloudweb.exceptions import InvalidInput

#: The ``+`` of a zone that a client did not encode, and so arrives as a space.
_PLUS = re.compile(r" (\d\d:?\d\d)\Z")


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _iso(moment: datetime, timespec: str) -> str:
    return _utc(moment).isoformat(timespec=timespec)[:-6]  # without +00:00


def parse_moment(value: str, *, field: str) -> datetime:
    """Read an ISO 8601 time of a request, UTC unless it says otherwise; raise InvalidInput.

    Years that a zone pushes over the calendar's ends, and those no database keeps, are none.
    """
    try:
        moment = datetime.fromisoformat(_PLUS.sub(r"+\1", value))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if moment.year < 1900:
            raise ValueError(value)  # noqa: TRY301 - one refusal for all that is no time
    except (ValueError, OverflowError):
        reason = "It must be a time such as 2030-01-31T10:11:12Z."
        raise InvalidInput(field=field, value=value, reason=reason) from None
    return moment


def end_of_second(moment: datetime) -> datetime:
    """Return the last moment of this one's second: what clients were shown is cut to seconds."""
    return moment.replace(microsecond=999_999)


def seconds_z(moment: datetime | None) -> str | None:
    """2026-01-31T10:11:12Z: compute, network, image."""
    return None if moment is None else f"{_iso(moment, 'seconds')}Z"


def seconds(moment: datetime | None) -> str | None:
    """2026-01-31T10:11:12: databases."""
    return None if moment is None else _iso(moment, "seconds")


def micros(moment: datetime | None) -> str | None:
    """2026-01-31T10:11:12.000000: compute's instance actions, services, launched_at."""
    return None if moment is None else _iso(moment, "microseconds")


def micros_z(moment: datetime | None) -> str | None:
    """2026-01-31T10:11:12.000000Z: tokens."""
    return None if moment is None else f"{_iso(moment, 'microseconds')}Z"
