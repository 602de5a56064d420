"""Query keys of a list become conditions, the same way in every service.

A filter takes all values of one key. Values are OR-ed, keys AND-ed (``narrowed``). Which keys there are, and what
an unknown one means, each service says itself.
"""

from __future__ import annotations

import ast
import contextlib
import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import Exact
from django.http import QueryDict

from cloudweb.api.fields import loose_bool
from cloudweb.api.queries import FLAG, NATURAL, TEXT
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.identifiers import as_uuid
from cloudweb.listing import NOBODY
from cloudweb.times import parse_moment

Filter = Callable[[Sequence[str]], Q]
#: Words before a value's colon that compare, as lookups of the ORM.
COMPARISONS = {"eq": "", "neq": "", "gt": "__gt", "gte": "__gte", "lt": "__lt", "lte": "__lte"}


#: Conditions of one kind that must all hold: databases join and nest no more than so many well.
MAX_CONDITIONS = 50


def bounded(values: Iterable[str], *, field: str) -> list[str]:
    """Return each of the values once; raise InvalidInput for more conditions than a list is asked for."""
    found = list(dict.fromkeys(values))
    if len(found) > MAX_CONDITIONS:
        raise InvalidInput(
            field=field, value=len(found), reason=f"There may be {MAX_CONDITIONS} values at most."
        )
    return found


def of_kind(kind: dict[str, Any], condition: Filter) -> Filter:
    """Return a filter that tells the schema what its values are; without, they are texts."""
    condition.kind = kind  # type: ignore[attr-defined]
    return condition


def kind_of(condition: Filter) -> dict[str, Any]:
    """Return the JSON schema of a filter's values."""
    kind: dict[str, Any] = getattr(condition, "kind", TEXT)
    return kind


def equal(field: str, words: Mapping[str, str] | None = None, *, fold: bool = False) -> Filter:
    """Match text as it is; ``words`` are what clients say for the column's values."""

    def condition(values: Sequence[str]) -> Q:
        meant = [words.get(value, "") for value in values] if words else list(values)
        found = [value.lower() for value in meant] if fold else meant
        return Q(**{f"{field}__in": [value for value in found if "\0" not in value]})

    return condition


def canonical(field: str, form: Callable[[str], str]) -> Filter:
    """Match text in the form it is stored in, however it is said; what has none matches nothing."""

    def condition(values: Sequence[str]) -> Q:
        found = set()
        for value in values:
            with contextlib.suppress(ValueError):
                found.add(form(value) if value else "")
        return Q(**{f"{field}__in": sorted(found)}) if found else NOBODY

    return condition


def identifier(field: str) -> Filter:
    """Match UUIDs; a value that is none matches nothing."""

    def condition(values: Sequence[str]) -> Q:
        found = [number for number in map(as_uuid, values) if number is not None]
        return Q(**{f"{field}__in": found}) if found else NOBODY

    return condition


def flag(field: str) -> Filter:
    """Match a boolean in any of its spellings; None matches both."""

    def condition(values: Sequence[str]) -> Q:
        said = [value for value in values if value.lower() != "none"]
        wanted = [loose_bool(value) for value in said]
        for word, value in zip(said, wanted, strict=True):
            if not isinstance(value, bool):
                raise InvalidInput(field=field, value=word, reason="It must be a boolean.")
        return Q(**{f"{field}__in": wanted}) if len(said) == len(values) else Q()

    return of_kind(FLAG, condition)


def number(field: str) -> Filter:
    """Match a whole number."""

    def condition(values: Sequence[str]) -> Q:
        for value in values:
            if not (value.isascii() and value.isdigit() and len(value) < 10):
                raise InvalidInput(field=field, value=value, reason="It must be a number.")
        return Q(**{f"{field}__in": [int(value) for value in values]})

    return of_kind(NATURAL, condition)


def entries(field: str) -> Filter:
    """Match rows whose JSON column has all these keys with these values: ``{'key': 'value'}``.

    As Python writes a dictionary (of texts, JSON is the same); anything else is an InvalidInput.
    """

    def condition(values: Sequence[str]) -> Q:
        matches = Q()
        for value in values:
            said = _dictionary(value, field=field)
            for key in bounded(said, field=field):
                matches &= Q(Exact(KeyTextTransform(key, field), Value(said[key])))
        return matches

    return condition


def _dictionary(text: str, *, field: str) -> dict[str, str]:
    try:
        said = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        said = None
    if not isinstance(said, dict) or not all(
        isinstance(one, str) and "\0" not in one for pair in said.items() for one in pair
    ):
        raise InvalidInput(field=field, value=text, reason="It must be a dictionary of texts.")
    return said


def several(value: str) -> tuple[str, ...]:
    """Read ``in:a,"b,c"`` (quotes keep a comma) or one plain value."""
    if not value.startswith("in:"):
        return (value,)
    try:
        return tuple(next(csv.reader([value.removeprefix("in:")], strict=True), []))
    except csv.Error as error:
        raise BadRequest(f"The list of values is malformed: {error}.") from error


def compared(value: str) -> tuple[str, str]:
    """Split ``gt:2026-01-01`` into comparison and value; without a known word it is ``eq``."""
    word, colon, rest = value.partition(":")
    return (word, rest) if colon and word in COMPARISONS else ("eq", value)


def chosen(field: str) -> Filter:
    """Match plain values, ``in:a,b`` and ``neq:a`` of a text column."""

    def condition(values: Sequence[str]) -> Q:
        matches = Q()
        wanted: list[str] = []
        for value in values:
            if not value.startswith("neq:"):
                wanted += several(value)
        for value in bounded((v for v in values if v.startswith("neq:")), field=field):
            matches &= ~Q(**{field: value.removeprefix("neq:")})
        return matches & Q(**{f"{field}__in": wanted}) if wanted else matches

    return condition


def time(field: str) -> Filter:
    """Match moments by ``gt:``, ``gte:``, ``lt:``, ``lte:``, ``eq:``, ``neq:``; all must hold."""

    def condition(values: Sequence[str]) -> Q:
        matches = Q()
        for value in bounded(values, field=field):
            word, text = compared(value)
            one = Q(**{f"{field}{COMPARISONS[word]}": parse_moment(text, field=field)})
            matches &= ~one if word == "neq" else one
        return matches

    return condition


def narrowed(query: QueryDict, filters: Mapping[str, Filter]) -> Q:
    """Return the condition of all keys that have a filter; the others are their service's part."""
    where = Q()
    for key, values in query.lists():
        if key in filters:
            where &= filters[key]([str(value) for value in values])
    return where


def with_fields(body: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return what ``fields`` (repeated, or joined by commas) names of a body; all without any."""
    named = {name for value in fields for name in value.split(",") if name}
    return {name: value for name, value in body.items() if name in named} if named else body
