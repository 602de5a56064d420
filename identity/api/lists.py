"""Queries and lists of identity that no noun's view has."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.response import Response

from cloudweb.api.page_links import page_links


def is_flag_set(request: HttpRequest, name: str) -> bool:
    """Tell whether a flag is in the query: present without a value, or with anything but no."""
    value = request.GET.get(name)
    return value is not None and value.strip().lower() not in ("0", "false", "no", "off", "none")


def whole(request: HttpRequest, plural: str, found: list[dict[str, Any]]) -> Response:
    """Return a list that is never cut into pages."""
    return Response({plural: found, **page_links(request, plural)})
