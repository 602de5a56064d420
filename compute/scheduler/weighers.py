"""The weighers: which of the hosts that fit is better. The sum decides; servers spread by default.

``COMPUTE_WEIGHERS`` names them with their factors (``ram=1,disk=0.5``); one that is not named counts nothing.
What a host's row says (``KEPT``) is kept there as a sum, under an index: whoever changes what it is made of
weighs anew. What depends on the server or the time (``ASKED``) is asked of the best few alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import (
    CharField,
    Count,
    DateTimeField,
    F,
    FloatField,
    Func,
    OuterRef,
    Subquery,
    Value,
)
from django.db.models.expressions import Case, Combinable, When
from django.db.models.fields import BooleanField
from django.db.models.functions import Cast, Coalesce, NullIf

from cloudweb.database.prepared import Given
from compute import conf
from compute.models import Claim
from compute.querysets import DISK_LEFT, RAM_LEFT, VCPUS_LEFT

Used = Callable[[str], Combinable]  # what of a host will be used, by the column's name
#: What is put into the places of ``asked``.
IMAGE, YOUNG_SINCE = Given("image", CharField()), Given("young_since", DateTimeField())


class HasName(Func):
    """Whether a JSON object has a key that is known only when the statement runs."""

    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """``images ? %s``."""
        return self.as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" ? ")

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """``JSON_TYPE(images, '$."' || %s || '"') IS NOT NULL``."""
        template = "(JSON_TYPE(%(expressions)s || '\"') IS NOT NULL)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=", '$.\"' || ")


def _share_left(left: Combinable, column: str) -> Callable[[Used], Combinable]:
    limit = left + F(column)

    def share(used: Used) -> Combinable:
        part = (limit - used(column)) / NullIf(limit, Value(0.0))
        return Coalesce(part, Value(0.0), output_field=FloatField())

    return share


def _failures(_used: Used) -> Combinable:
    """From 0 for a host that failed no build lately towards 1."""
    failures = Cast(F("build_failures"), FloatField())
    return failures / (failures + Value(1.0))


def _image(image: Value, _since: Value) -> Combinable:
    """1 for a host that has the server's image already."""
    return Case(
        When(HasName(F("images"), image), then=Value(1.0)),
        default=Value(0.0),
        output_field=FloatField(),
    )


def _building(_image: Value, since: Value) -> Combinable:
    """How many servers came to the host lately, ten as 1: they load its disks and its network."""
    young = Claim.objects.filter(host=OuterRef("pk"), created_at__gt=since).order_by()
    count = Coalesce(Subquery(young.values("host").annotate(n=Count("pk")).values("n")), 0)
    return Cast(count, FloatField()) / Value(10.0)


#: From 0 to 1, each.
KEPT: Mapping[str, Callable[[Used], Combinable]] = {
    "ram": _share_left(RAM_LEFT, "ram_used"),
    "vcpus": _share_left(VCPUS_LEFT, "vcpus_used"),
    "disk": _share_left(DISK_LEFT, "disk_used"),
    "build_failures": _failures,
}
ASKED: Mapping[str, Callable[[Value, Value], Combinable]] = {"image": _image, "building": _building}
if unknown := sorted(conf.WEIGHERS.keys() - KEPT.keys() - ASKED.keys()):
    known = ", ".join([*KEPT, *ASKED])
    raise ImproperlyConfigured(f"COMPUTE_WEIGHERS names {unknown[0]}; there are {known}.")


def factor(name: str) -> float:
    """Return how much a weigher counts."""
    return conf.WEIGHERS.get(name, 0.0)


def weight(**more: int) -> Combinable:
    """Return the sum of what is kept, of a host of which so much more will be used than is now."""

    def used(column: str) -> Combinable:
        return F(column) + more.get(column, 0)

    found = [KEPT[name](used) * Value(factor(name)) for name in KEPT if factor(name)]
    return reduce(add, found, Value(0.0))


def asked() -> Combinable | None:
    """Return the sum of what is asked of the best few; None where nothing of it counts."""
    found = [
        ASKED[name](IMAGE, YOUNG_SINCE) * Value(factor(name)) for name in ASKED if factor(name)
    ]
    return reduce(add, found) if found else None


def parts(*, image: Value, young_since: Value) -> dict[str, Combinable]:
    """Return by name what each weigher that counts says of a host, times its factor."""
    kept = {name: weigh(F) for name, weigh in KEPT.items()}
    more = {name: weigh(image, young_since) for name, weigh in ASKED.items()}
    found = {**kept, **more}
    return {name: one * Value(factor(name)) for name, one in found.items() if factor(name)}
