"""Row locks: PostgreSQL takes one for each row, SQLite's write transaction already is one."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections
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
