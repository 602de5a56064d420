"""Keyset paging: a page costs the same anywhere in a list of any length.

The order is (created, id) unless an API sorts otherwise; a marker is the id of the last row seen.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest, QueryDict
from rest_framework.request import Request

from cloudweb.api.mounts import base_url
from cloudweb.exceptions import BadRequest

T = TypeVar("T", bound=Model)
R = TypeVar("R")
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Rows, and whether more may follow."""

    rows: Sequence[R]
    more: bool


def parse_limit(value: str | None, *, default: int = MAX_LIMIT, maximum: int = MAX_LIMIT) -> int:
    """Return the page size; too large is cut silently, anything but a natural number is a 400.

    0 is an empty page.
    """
    if value is None or value == "":
        return default
    if not (value.isascii() and value.isdigit()):
        raise BadRequest(
            f"Invalid input for query parameters limit. Value: {value[:40]}. It must be a natural number."
        )
    number = int(value[:18])
    return min(number, maximum)


def paginate(
    rows: QuerySet[T],
    *,
    limit: int,
    marker: T | None = None,
    order: Sequence[str] = ("-created_at", "-id"),
    read: Callable[[Any], Sequence[Any]] = list,
) -> Page[Any]:
    """Return one page after the marker in this order (field names, ``-`` for descending).

    NULL counts as the lowest value, on every database. ``read`` makes of the rows what the page holds.
    """
    if limit == 0:
        return Page([], more=False)
    found = read(_in_order(rows, marker, order)[: limit + 1])
    return Page(found[:limit], len(found) > limit)


def paginate_matching(
    rows: QuerySet[T],
    *,
    matches: Mapping[str, Callable[[str], bool]],
    limit: int,
    marker: T | None = None,
    order: Sequence[str] = ("-created_at", "-id"),
    read: Callable[[Any], Sequence[Any]] = list,
) -> Page[Any]:
    """Return one page of the rows whose columns the functions take, in two statements.

    The columns alone are read, in order, until the page is full.
    """
    if limit == 0:
        return Page([], more=False)
    texts = _in_order(rows, marker, order).values_list("pk", *matches)
    keys = (
        key
        for key, *found in texts.iterator(chunk_size=MAX_LIMIT)
        if all(takes(text) for takes, text in zip(matches.values(), found, strict=True))
    )
    found = [*islice(keys, limit + 1)]
    whole = {str(row.id): row for row in read(rows.filter(pk__in=found[:limit]))}
    wanted = [*map(str, found[:limit])]
    return Page([whole[key] for key in wanted if key in whole], len(found) > limit)


def _in_order(rows: QuerySet[T], marker: T | None, order: Sequence[str]) -> QuerySet[T]:
    nullable = {field.name for field in rows.model._meta.get_fields() if field.null}
    if marker is not None:
        rows = rows.filter(_after(marker, order, nullable))
    return rows.order_by(*(_place(key, nullable) for key in order))


def _place(key: str, nullable: Container[str]) -> str | OrderBy:
    """Say where NULLs go, for columns that have some alone: others stay with their index."""
    name = key.lstrip("-")
    if name not in nullable:
        return key
    return F(name).desc(nulls_last=True) if key.startswith("-") else F(name).asc(nulls_first=True)


def _after(marker: Model, order: Sequence[str], nullable: Container[str]) -> Q:
    condition = Q(pk__in=())
    equal: dict[str, Any] = {}
    for key in order:
        name, descending = key.lstrip("-"), key.startswith("-")
        value = getattr(marker, name)
        if value is None:
            step = Q(pk__in=()) if descending else Q(**{f"{name}__isnull": False})
        else:
            step = Q(**{f"{name}__{'lt' if descending else 'gt'}": value})
            if descending and name in nullable:
                step |= Q(**{f"{name}__isnull": True})
        condition |= Q(**equal) & step
        equal[name] = value
    return condition


def next_link(request: HttpRequest, *, marker: str, query: Mapping[str, str] | None = None) -> str:
    """Return this request's URL with the marker of the next page."""
    params: QueryDict = request.GET.copy()
    params["marker"] = marker
    for key, value in (query or {}).items():
        params[key] = value
    pairs = [(key, value) for key, values in params.lists() for value in values]
    return f"{base_url(request)}{request.path}?{urlencode(pairs)}"


def next_links(
    request: Request, page: Page[Any], key: str, marker: str
) -> dict[str, list[dict[str, str]]]:
    """Return ``<collection>_links`` as compute and volume word them; nothing on the last page.

    ``marker`` is the attribute of a row by which the client goes on.
    """
    if not page.more:
        return {}
    href = next_link(request._request, marker=str(getattr(page.rows[-1], marker)))
    return {key: [{"rel": "next", "href": href}]}
