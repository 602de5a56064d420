"""Which page a request asks for, and where the next one is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from cloudweb.api.links import base_url
from cloudweb.exceptions import BadRequest
from cloudweb.listing import MAX_LIMIT


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


def next_link(
    request: HttpRequest,
    *,
    marker: str,
    query: Mapping[str, str] | None = None,
    without: Iterable[str] = (),
) -> str:
    """Return this request's URL with the marker of the next page."""
    params: QueryDict = request.GET.copy()
    for key in without:
        params.pop(key, None)
    params["marker"] = marker
    for key, value in (query or {}).items():
        params[key] = value
    pairs = [(key, value) for key, values in params.lists() for value in values]
    return f"{base_url(request)}{request.path}?{urlencode(pairs)}"


def first_link(request: HttpRequest) -> str:
    """Return this request's URL without a marker."""
    params: QueryDict = request.GET.copy()
    params.pop("marker", None)
    pairs = [(key, value) for key, values in params.lists() for value in values]
    place = f"{base_url(request)}{request.path}"
    return f"{place}?{urlencode(pairs)}" if pairs else place
