"""The epoch: one counter of the cloud; larger is later, for every resource and operation.

SQLite keeps it in a row: whoever draws is alone anyway. On PostgreSQL it is a sequence, so that those who
draw do not wait for each other's commits.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction
from django.db.models import BigIntegerField, F, Value
from django.db.models.functions import Least

from cloudweb.database.locks import alone_with, has_row_locks
from operations.models import EpochCounter

STEP, TOP = 1_000_000, 2**63 - 1
DRAWN = 1_000  # so many at most are drawn by others while one statement runs
RAISING = UUID("6e1f5d3e-6a51-4f0e-9d6b-3a0d1f0e7c21")


def draw() -> int:
    """Return the next epoch; called inside the claim's transaction."""
    if has_row_locks():
        return _ask("SELECT nextval('operations_epoch')")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE operations_epochcounter SET value = value + 1 WHERE id = 1 RETURNING value"
        )
        row = cursor.fetchone()
    if row is None:
        EpochCounter.objects.get_or_create(id=1)
        return draw()
    return int(row[0])


def raise_above(value: int) -> bool:
    """Bring the next epoch above this one (a restored database, OPERATIONS 36), in steps if it is far.

    Return whether it was below.
    What a host says must not use up the counter of the cloud: each report moves it by so much at most.
    """
    wanted = min(value, TOP)
    if has_row_locks():
        return current() < wanted and _raise_sequence(wanted)
    EpochCounter.objects.get_or_create(id=1)
    behind = EpochCounter.objects.filter(id=1, value__lt=wanted)
    to = Least(Value(wanted, output_field=BigIntegerField()), F("value") + STEP)
    return bool(behind.update(value=to))


def _raise_sequence(wanted: int) -> bool:
    """Set the sequence forward, one at a time; a short way is drawn, for setting it could go back."""
    with transaction.atomic():
        alone_with(RAISING, wait=True)
        behind = min(wanted - current(), STEP)
        if behind > DRAWN:
            _ask("SELECT setval('operations_epoch', last_value + %s) FROM operations_epoch", behind)
        elif behind > 0:
            _ask("SELECT max(nextval('operations_epoch')) FROM generate_series(1, %s)", behind)
        return behind > 0


def current() -> int:
    """Return the last epoch drawn."""
    if has_row_locks():
        return _ask("SELECT last_value FROM operations_epoch")
    return EpochCounter.objects.filter(id=1).values_list("value", flat=True).first() or 0


def _ask(statement: str, *values: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
