"""The epoch: one counter of the cloud; larger is later, for every resource and operation."""

from __future__ import annotations

from django.db import connection

from operations.models import EpochCounter


def draw() -> int:
    """Return the next epoch; called inside the claim's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE operations_epochcounter SET value = value + 1 WHERE id = 1 RETURNING value"
        )
        row = cursor.fetchone()
    if row is None:
        EpochCounter.objects.get_or_create(id=1)
        return draw()
    return int(row[0])


def raise_above(value: int) -> None:
    """Make sure the next epoch is above this one (a restored database, OPERATIONS 36)."""
    EpochCounter.objects.get_or_create(id=1)
    EpochCounter.objects.filter(id=1, value__lt=value).update(value=value)


def current() -> int:
    """Return the last epoch drawn."""
    return EpochCounter.objects.filter(id=1).values_list("value", flat=True).first() or 0
