"""Relative links of lists, as clients join them to the service's root (contract 1.5)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict


def list_link(path: str, query: QueryDict, *, marker: str | None = None) -> str:
    """Return the link to the page after ``marker`` of the same list; None is its beginning."""
    pairs: list[tuple[str, Any]] = [
        (key, value) for key, values in query.lists() for value in values if key != "marker"
    ]
    if marker is not None:
        pairs.append(("marker", marker))
    return f"{path}?{urlencode(pairs)}" if pairs else path
