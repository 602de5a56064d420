"""The epoch: one counter of the cloud; larger is later, for every resource and operation."""

from __future__ import annotations

from django.db import connection
from django.db.models import BigIntegerField, F, Value
from django.db.models.functions import Least

from operations.models import EpochCounter

STEP, TOP = 1_000_000, 2**63 - 1


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
    """Bring the next epoch above this one (a restored database, OPERATIONS 36), in steps if it is far.

    What a host says must not use up the counter of the cloud: each report moves it by so much at most.
    """
    EpochCounter.objects.get_or_create(id=1)
    wanted = min(value, TOP)
    behind = EpochCounter.objects.filter(id=1, value__lt=wanted)
    behind.update(value=Least(Value(wanted, output_field=BigIntegerField()), F("value") + STEP))


def current() -> int:
    """Return the last epoch drawn."""
    return EpochCounter.objects.filter(id=1).values_list("value", flat=True).first() or 0
