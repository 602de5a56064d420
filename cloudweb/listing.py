"""Lists: pages, markers, and the order they come in; a page costs the same anywhere in a list of any length.

The order is (created, id) unless a list is sorted otherwise; a marker is the last row seen.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from cloudweb.exceptions import BadRequest, InvalidInput

T = TypeVar("T", bound=Model)
R = TypeVar("R")
MAX_LIMIT = 1000
NO_LIMIT = 2**31 - 2
NOBODY = Q(pk__in=())
OLDEST_FIRST = ("created_at", "id")


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Rows, and whether more may follow."""

    rows: Sequence[R]
    more: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """Which rows, in which order, and which page of them; all of them without a limit.

    ``through`` are conditions on the lists that a row has; they could repeat rows, ``where`` not.
    """

    where: Q = field(default_factory=Q)
    through: Q = field(default_factory=Q)
    order: Sequence[str] = OLDEST_FIRST
    limit: int | None = None
    marker: str | None = None
    backwards: bool = False


EVERYTHING = Listing()


class SortKey(NamedTuple):
    """An attribute in the client's word, and its direction."""

    key: str
    descending: bool


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


def narrowed(rows: QuerySet[T], listing: Listing) -> QuerySet[T]:
    """Return the rows that a listing asks for, each once, on whichever page."""
    rows = rows.filter(listing.where)
    return rows.filter(listing.through).distinct() if listing.through else rows


def page_of(
    rows: QuerySet[Any],
    listing: Listing,
    *,
    last: Model | None = None,
    read: Callable[[Any], Sequence[Any]] = list,
) -> Page[Any]:
    """Return the page of a listing after its marker, which the caller found as ``last``."""
    keys = [*listing.order]
    if "id" not in {key.lstrip("-") for key in keys}:
        keys.append("id")
    if listing.backwards:
        keys = [key[1:] if key.startswith("-") else f"-{key}" for key in keys]
    limit = NO_LIMIT if listing.limit is None else listing.limit
    page = paginate(narrowed(rows, listing), limit=limit, marker=last, order=keys, read=read)
    return Page(page.rows[::-1], page.more) if listing.backwards else page


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


def paginate_held(
    rows: Sequence[R],
    *,
    key: Callable[[R], Any],
    marked: Callable[[R], str],
    marker: str | None,
    descending: bool,
    limit: int,
) -> Page[R]:
    """Return one page of rows that are few and held already, as ``paginate`` does of a table's.

    ``key`` puts them in order, ``marked`` is what a marker names. Raises BadRequest for an unknown one.
    """
    found = sorted(rows, key=key, reverse=descending)
    if marker is not None:
        at = next((at for at, row in enumerate(found) if marked(row) == marker), None)
        if at is None:
            raise BadRequest(f"marker [{marker[:64]}] not found")
        found = found[at + 1 :]
    return Page(found[:limit], len(found) > limit)


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
    """Return the condition of what comes later: where it can be said of all columns at once, an index knows where."""
    names = [key.lstrip("-") for key in order]
    if len({key.startswith("-") for key in order}) == 1 and not any(n in nullable for n in names):
        later = TupleLessThan if order[0].startswith("-") else TupleGreaterThan
        return Q(later(Tuple(*names), [getattr(marker, name) for name in names]))
    condition = NOBODY
    equal: dict[str, Any] = {}
    for key in order:
        name, descending = key.lstrip("-"), key.startswith("-")
        value = getattr(marker, name)
        if value is None:
            step = NOBODY if descending else Q(**{f"{name}__isnull": False})
        else:
            step = Q(**{f"{name}__{'lt' if descending else 'gt'}": value})
            if descending and name in nullable:
                step |= Q(**{f"{name}__isnull": True})
        condition |= Q(**equal) & step
        equal[name] = value
    return condition


def ordered(
    pairs: Sequence[SortKey], columns: Mapping[str, str], *, last: str = "", field: str = "sort_key"
) -> list[str]:
    """Return the order as columns, each once, with ``-`` for descending; raise InvalidInput.

    ``last`` makes the order unique, in the direction of the first key.
    """
    order: dict[str, str] = {}
    for key, descending in pairs:
        if key not in columns:
            raise InvalidInput(field=field, value=key[:64], reason="It cannot be sorted by.")
        order.setdefault(columns[key], "-" if descending else "")
    if last:
        order.setdefault(last, "-" if pairs and pairs[0].descending else "")
    return [f"{sign}{column}" for column, sign in order.items()]
