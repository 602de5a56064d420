"""The query of GET /images: filters with operators, order, page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.http import QueryDict

from cloudweb.api.fields import parse_bool
from cloudweb.api.filters import MAX_CONDITIONS, bounded, compared, several
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import FLAG, NATURAL, parameters
from cloudweb.api.sorting import parse_sort
from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.listing import ordered
from cloudweb.times import parse_moment
from image.filters import DEFAULT_ORDER, SORT_KEYS, Comparison, ImageFilter
from image.sharing import ACCEPTED, MEMBER_STATUSES, VISIBILITIES

DEFAULT_LIMIT = 25
SEVERAL = ("id", "name", "status", "container_format", "disk_format")
NUMBERS = ("min_disk", "min_ram")
TIMES = ("created_at", "updated_at")
PAGING = ("limit", "marker", "sort", "sort_key", "sort_dir")
PARAMETERS = parameters(
    *SEVERAL,
    *TIMES,
    *PAGING,
    "owner",
    "tag",
    "member_status",
    visibility={"type": "string", "enum": list(VISIBILITIES)},
    protected=FLAG,
    os_hidden=FLAG,
    **dict.fromkeys((*NUMBERS, "size_min", "size_max"), NATURAL),
)
KNOWN = {parameter.name for parameter in PARAMETERS}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a client asks of a list."""

    wanted: ImageFilter
    order: Sequence[str]
    marker: str | None
    limit: int


def parse_query(query: QueryDict) -> ListQuery:
    """Read the query; raise BadRequest or InvalidInput."""
    for name, values in query.lists():
        if "\x00" in name or any("\x00" in value for value in values):
            raise BadRequest("A query must not hold zero bytes.")
    one = {name: str(value) for name, value in query.items()}  # the last of repeated ones
    visibility = one.get("visibility")
    if visibility is not None and visibility not in (*VISIBILITIES, "all"):
        raise InvalidInput(
            field="visibility",
            value=visibility,
            reason=f"One of {', '.join(VISIBILITIES)} and all.",
        )
    member_status = one.get("member_status", ACCEPTED)
    if member_status not in (*MEMBER_STATUSES, "all"):
        raise InvalidInput(
            field="member_status",
            value=member_status,
            reason=f"One of {', '.join(MEMBER_STATUSES)} and all.",
        )
    tags = bounded(query.getlist("tag"), field="tag")
    properties = {name: value for name, value in one.items() if name not in KNOWN}
    if len(tags) + len(properties) > MAX_CONDITIONS:
        raise BadRequest(f"A query may name {MAX_CONDITIONS} tags and properties at most.")
    wanted = ImageFilter(
        any_of={name: several(one[name]) for name in SEVERAL if name in one},
        visibility=visibility,
        member_status=None if member_status == "all" else member_status,
        project_id=one.get("owner"),
        protected=parse_bool(one.get("protected"), field="protected"),
        os_hidden=bool(parse_bool(one.get("os_hidden"), field="os_hidden", default=False)),
        tags=tuple(tags),
        size_min=_number(one, "size_min"),
        size_max=_number(one, "size_max"),
        numbers={name: _number(one, name) or 0 for name in NUMBERS if name in one},
        times=tuple(
            _time(name, value)
            for name in TIMES
            for value in bounded(query.getlist(name), field=name)
        ),
        properties=properties,
    )
    return ListQuery(
        wanted=wanted,
        order=_order(query),
        marker=one.get("marker"),
        limit=parse_limit(one.get("limit"), default=DEFAULT_LIMIT),
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise InvalidInput(field=name, value=text, reason="It must be a natural number.")
    return int(text)


def _time(name: str, value: str) -> tuple[str, Comparison, datetime]:
    comparison, text = compared(value)
    return name, cast("Comparison", comparison), parse_moment(text, field=name)


def _order(query: QueryDict) -> tuple[str, ...]:
    pairs = parse_sort(query, descending=True, fewer="repeated", default="created_at")
    order = ordered(pairs, {key: key for key in SORT_KEYS}, field="sort")
    named = [key.lstrip("-") for key in order]
    return (*order, *(key for key in DEFAULT_ORDER if key.lstrip("-") not in named))
