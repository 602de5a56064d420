"""The weighers: which of the hosts that fit is better. The sum decides; servers spread by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from django.db.models import F, FloatField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, NullIf

from compute.querysets import RAM_LEFT, VCPUS_LEFT


@dataclass(frozen=True, slots=True)
class Weigher:
    """An expression from 0 (worst) to 1 (best), and how much it counts."""

    expression: Combinable
    factor: float = 1.0


def _share_left(left: Combinable, used: str) -> Combinable:
    whole = NullIf(left + F(used), Value(0.0))
    return Coalesce(left / whole, Value(0.0), output_field=FloatField())


WEIGHERS: Mapping[str, Weigher] = {
    "ram": Weigher(_share_left(RAM_LEFT, "ram_used")),
    "vcpus": Weigher(_share_left(VCPUS_LEFT, "vcpus_used")),
}


def weight() -> Combinable:
    """Return the sum of all weighers."""
    return reduce(add, (item.expression * Value(item.factor) for item in WEIGHERS.values()))
