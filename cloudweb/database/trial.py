"""A write that changes nothing: it fails where any other would."""

from __future__ import annotations

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


def write(connection: BaseDatabaseWrapper) -> None:
    """Commit something to the disk that nobody reads. Raises DatabaseError."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if connection.vendor == "sqlite":  # one page; the same number is written all the same
            cursor.execute("PRAGMA user_version")
            cursor.execute(f"PRAGMA user_version = {int(cursor.fetchone()[0])}")
            return
        cursor.execute("SELECT current_setting('transaction_read_only')")
        if cursor.fetchone()[0] == "on":
            raise OperationalError("this server is read-only")
        cursor.execute("SELECT txid_current()")  # a number of its own makes the commit a record
