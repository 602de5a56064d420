"""The database's clock: every time the engine compares or writes comes from here (OPERATIONS 6).

SQLite runs on the machine of all its users, so its clock is ours. PostgreSQL's may be another one;
its offset is measured once a minute and added.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

_lock = threading.Lock()
_offset = timedelta(0)
_measured_at: float | None = None
MEASURE_EVERY = 60.0


def now() -> datetime:
    """Return the time by the database's clock, in UTC."""
    if connection.vendor == "sqlite":
        return timezone.now()
    return timezone.now() + _current_offset()


def _current_offset() -> timedelta:
    global _offset, _measured_at
    with _lock:
        if _measured_at is None or time.monotonic() - _measured_at > MEASURE_EVERY:
            with connection.cursor() as cursor:
                before = timezone.now()
                cursor.execute("SELECT clock_timestamp()")
                there = cursor.fetchone()[0]
            _offset = there - (before + (timezone.now() - before) / 2)
            _measured_at = time.monotonic()
        return _offset
