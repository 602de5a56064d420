"""Lists of identity: filters by hints, pages, links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from cloudweb.api.answers import Answer
from cloudweb.api.fields import parse_bool
from cloudweb.api.pagination import next_link, parse_limit
from cloudweb.api.queries import FLAG, PRESENCE, parameters
from cloudweb.api.shown import Scene, renderer, shown
from cloudweb.exceptions import BadRequest
from cloudweb.listing import paginate
from identity.api.serializers.links import list_links

T = TypeVar("T", bound=Model)
#: What renders a row: a function, or the answer that says how itself.
Render = Callable[[HttpRequest, T], dict[str, Any]] | type[Answer]

_COMPARISONS = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith")


@dataclass(frozen=True, slots=True)
class Hints:
    """What a list is narrowed by, for view and schema.

    ``exact`` are columns (``name`` also by comparison), ``flags`` are booleans; ``others`` and
    ``marks`` (flags that count by being there) are read by the view itself. ``any_case`` are those
    of ``exact`` that are compared whatever their case.
    """

    exact: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    any_case: tuple[str, ...] = ()
    paged: bool = True

    @property
    def comparisons(self) -> tuple[str, ...]:
        """The comparisons of names, as ``name__contains``."""
        return tuple(f"name__{one}" for one in _COMPARISONS) if "name" in self.exact else ()

    @property
    def parameters(self) -> list[OpenApiParameter]:
        """All of them for ``extend_schema``."""
        paging = ("limit", "marker") if self.paged else ()
        names = (*self.exact, *self.comparisons, *self.others, *paging)
        kinds = dict.fromkeys(self.flags, FLAG) | dict.fromkeys(self.marks, PRESENCE)
        return parameters(*names, **kinds)


def hinted(request: HttpRequest, rows: QuerySet[T], hints: Hints) -> QuerySet[T]:
    """Narrow rows by the query; what it says beyond the hints is ignored."""
    for field in hints.exact:
        if (value := request.GET.get(field)) is not None:
            comparison = "__iexact" if field in hints.any_case else ""
            rows = rows.filter(**{f"{field}{comparison}": value})
    for field in hints.flags:
        wanted = parse_bool(request.GET.get(field), field=field)
        if wanted is not None:
            rows = rows.filter(**{field: wanted})
    for comparison in hints.comparisons:
        if (value := request.GET.get(comparison)) is not None:
            rows = rows.filter(**{comparison: value})
    return rows


def is_flag_set(request: HttpRequest, name: str) -> bool:
    """Tell whether a flag is in the query: present without a value, or with anything but no."""
    value = request.GET.get(name)
    return value is not None and value.strip().lower() not in ("0", "false", "no", "off", "none")


def listed(
    request: HttpRequest,
    plural: str,
    rows: QuerySet[T],
    render: Render[T],
    *,
    order: tuple[str, ...] = ("created_at", "id"),
) -> Response:
    """Return one page of a list."""
    limit = parse_limit(request.GET.get("limit"))
    marker = None
    if given := request.GET.get("marker"):
        marker = rows.order_by().filter(pk=given).first()
        if marker is None:
            raise BadRequest(f"The marker {given[:64]} does not exist.")
    page = paginate(rows, limit=limit, marker=marker, order=order)
    following = None
    if page.more:
        following = next_link(request, marker=str(page.rows[-1].pk))
    if isinstance(render, type):
        found = shown(render, page.rows, Scene(request))
    else:
        found = [render(request, row) for row in page.rows]
    body = {plural: found}
    return Response({**body, "links": list_links(request, following=following)})


def whole(request: HttpRequest, plural: str, found: list[dict[str, Any]]) -> Response:
    """Return a list that is never cut into pages."""
    return Response({plural: found, "links": list_links(request)})


def one_shown(request: HttpRequest, answer: type[Answer], row: Any) -> dict[str, Any]:
    """Return one row as its answer shows it."""
    return renderer(answer, Scene(request))(row)
