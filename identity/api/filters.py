"""Filters of identity's lists: of several values of a key the last one counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from cloudweb.api.fields import parse_bool
from cloudweb.api.filters import Filter, bounded, of_kind
from cloudweb.api.queries import FLAG
from cloudweb.exceptions import InvalidInput

_COMPARISONS = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")


def exactly(field: str, lookup: str = "") -> Filter:
    """Match the last value that a query says."""
    return lambda values: Q(**{f"{field}{lookup}": values[-1]})


def unless_empty(field: str) -> Filter:
    """Match the last value, anything if it is empty."""
    return lambda values: Q(**{field: values[-1]}) if values[-1] else Q()


def flagged(field: str) -> Filter:
    """Match a boolean in any of its spellings; none of them matches both."""

    def condition(values: Sequence[str]) -> Q:
        wanted = parse_bool(values[-1], field=field)
        return Q() if wanted is None else Q(**{field: wanted})

    return of_kind(FLAG, condition)


def named(*, any_case: bool = False) -> Mapping[str, Filter]:
    """Return the filters by name: the whole one, and ``name__contains`` and its like."""
    whole = {"name": exactly("name", "__iexact" if any_case else "")}
    return whole | {f"name__{one}": exactly(f"name__{one}") for one in _COMPARISONS}


#: What an operator before a time asks of a column; equality where there is none.
_OPERATORS = {"lt": "__lt", "lte": "__lte", "gt": "__gt", "gte": "__gte", "eq": "", "neq": ""}


def at_moments(field: str) -> Filter:
    """Match times, ``lt:2026-01-31T10:11:12Z``; all of them must hold, a bare one is equal."""

    def condition(values: Sequence[str]) -> Q:
        matches = Q()
        for asked in bounded(values, field=field):
            operator, found, written = asked.partition(":")
            if not found or operator not in _OPERATORS:
                operator, written = "eq", asked
            one = Q(**{f"{field}{_OPERATORS[operator]}": _moment(written, asked, field)})
            matches &= ~one if operator == "neq" else one
        return matches

    return condition


def _moment(written: str, asked: str, field: str) -> datetime:
    try:
        moment = parse_datetime(written.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None:
        raise InvalidInput(field=field, value=asked, reason="Write lt:2026-01-31T10:11:12Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def anything(_values: Sequence[str]) -> Q:
    """Match every row: the view looks at the value itself."""
    return Q()
