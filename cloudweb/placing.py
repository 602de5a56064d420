"""What choosing a place for a thing is made of, whatever the thing and the places: filters with their words.

``compute.scheduler`` puts servers on hosts, ``volume.scheduler`` volumes into pools.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, Generic, TypeVar

from django.db.models import Q

Request = TypeVar("Request")
Kind = TypeVar("Kind", bound="Filter[Any]")


@dataclass(frozen=True)
class Filter(Generic[Request]):
    """A named condition on places, None where the request does not care.

    ``sentence`` says, after a number of places, why they were removed.
    """

    name: str
    condition: Callable[[Request], Q | None]
    sentence: Callable[[Request, int], str]


def conditions(filters: Sequence[Kind], request: Any) -> list[tuple[Kind, Q]]:
    """Return the filters this request cares about, each with its condition."""
    found = [(item, item.condition(request)) for item in filters]
    return [(item, condition) for item, condition in found if condition is not None]


def together(found: Sequence[tuple[Filter[Any], Q]]) -> Q:
    """Return all conditions as one."""
    return reduce(and_, (condition for _, condition in found), Q())


def be(count: int) -> str:
    """Return the verb of so many."""
    return "is" if count == 1 else "are"


def have(count: int) -> str:
    """Return the verb of so many."""
    return "has" if count == 1 else "have"


def listed(items: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
