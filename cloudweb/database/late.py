"""A transaction around work that does not all belong into one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def late_transaction() -> Iterator[None]:
    """Open a transaction that keeps no writer waiting before its own first write.

    On SQLite it begins there, or with the first ``atomic()`` inside: what comes before (a password that
    is hashed, a key that is made) holds no lock. Reads before that see what others commit meanwhile.
    """
    late = connection.vendor == "sqlite" and not connection.in_atomic_block
    connection.begins_late = late  # type: ignore[attr-defined]  # our backend
    try:
        with transaction.atomic():
            yield
    finally:
        connection.begins_late = False  # type: ignore[attr-defined]  # it may not even have been opened
