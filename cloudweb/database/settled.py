"""What was decided is on the disk before something is done that cannot be taken back."""

from __future__ import annotations

from django.db import connection


def settle() -> None:
    """Wait until all commits so far would survive a power failure; PostgreSQL's do when they return."""
    flush = getattr(connection, "flush", None)
    if flush is not None:
        flush()
