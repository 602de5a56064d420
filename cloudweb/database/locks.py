"""Locks until the end of a transaction: PostgreSQL takes them, SQLite's write transaction already is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.db import connection, connections, transaction
from django.db.models import Model, QuerySet
from django.db.transaction import TransactionManagementError

T = TypeVar("T", bound=Model)


def locked(rows: QuerySet[T]) -> QuerySet[T]:
    """Return the rows, locked until the end of the transaction that must be open.

    On SQLite every transaction is IMMEDIATE: whoever is inside is alone, nothing more is needed.
    """
    connection = connections[rows.db]
    if not connection.in_atomic_block:
        raise TransactionManagementError("a row lock lasts until the end of a transaction")
    return rows.select_for_update() if connection.features.has_select_for_update else rows


def has_row_locks() -> bool:
    """Tell whether others may write meanwhile; on SQLite whoever is inside a transaction is alone."""
    return bool(connection.features.has_select_for_update)


def takes(change: Callable[[], int]) -> bool:
    """Make a guarded change of a row; return whether it passed, and hold no lock of one that did not.

    PostgreSQL waits for whoever changes the row, locks it, looks again, and keeps that lock of a row that does not
    pass any more. Two that go on to each other's row with such a lock would wait for each other.
    """
    if not has_row_locks():
        return bool(change())
    before = transaction.savepoint()
    if change():
        transaction.savepoint_commit(before)
        return True
    transaction.savepoint_rollback(before)
    return False


def together_with(key: UUID) -> None:
    """Keep who asks to be alone with a key waiting until the transaction ends; many may do so at once."""
    here = connection
    if not here.in_atomic_block:
        raise TransactionManagementError("a lock lasts until the end of a transaction")
    if has_row_locks():
        with here.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_as_number(key)])


def alone_with(key: UUID, *, wait: bool) -> bool:
    """Keep others who ask for the same key out until the transaction ends, touching no row.

    False when somebody is in and ``wait`` is not wanted.
    """
    if not has_row_locks():
        return True
    number = _as_number(key)
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


def _as_number(key: UUID) -> int:
    return int.from_bytes(key.bytes[:8], signed=True)
