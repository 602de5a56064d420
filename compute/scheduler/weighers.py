"""The weighers: which of the hosts that fit is better. The sum decides; servers spread by default.

It is kept in the hosts' rows, under an index: whoever changes what it is made of weighs anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from django.db.models import Count, F, FloatField, OuterRef, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, NullIf

from compute.models import Claim
from compute.querysets import RAM_LEFT, VCPUS_LEFT
from compute.scheduler.request import PlacementRequest

Used = Callable[[str], Combinable]  # what of a host will be used, by the column's name


@dataclass(frozen=True, slots=True)
class Weigher:
    """An expression from 0 (worst) to 1 (best), and how much it counts."""

    expression: Callable[[Used], Combinable]
    factor: float = 1.0


def _share_left(left: Combinable, column: str) -> Callable[[Used], Combinable]:
    limit = left + F(column)

    def share(used: Used) -> Combinable:
        part = (limit - used(column)) / NullIf(limit, Value(0.0))
        return Coalesce(part, Value(0.0), output_field=FloatField())

    return share


WEIGHERS: Mapping[str, Weigher] = {
    "ram": Weigher(_share_left(RAM_LEFT, "ram_used")),
    "vcpus": Weigher(_share_left(VCPUS_LEFT, "vcpus_used")),
}


def weight(**more: int) -> Combinable:
    """Return the sum of all weighers, of a host of which so much more will be used than is now."""

    def used(column: str) -> Combinable:
        return F(column) + more.get(column, 0)

    return reduce(add, (item.expression(used) * Value(item.factor) for item in WEIGHERS.values()))


def suits(request: PlacementRequest) -> Combinable | None:
    """Return what goes before the weight: how many of a group that prefers it are there, or are not."""
    if request.group is None or not request.group.policy.startswith("soft-"):
        return None
    claims = Claim.objects.filter(group_id=request.group.id, host=OuterRef("pk")).order_by()
    there = Coalesce(Subquery(claims.values("host").annotate(n=Count("pk")).values("n")), 0)
    return there if request.group.policy == "soft-affinity" else Value(0) - there
