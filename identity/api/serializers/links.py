"""Links: every resource has its own, every list has three."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cloudweb.api.links import base_url


def v3_url(request: HttpRequest, path: str) -> str:
    """Return an absolute URL under /identity/v3."""
    return f"{base_url(request)}/identity/v3/{path}"


def self_link(request: HttpRequest, path: str) -> dict[str, str]:
    """Return the links of one resource."""
    return {"self": v3_url(request, path)}


def list_links(request: HttpRequest, *, following: str | None = None) -> dict[str, Any]:
    """Return the links of a list; ``following`` is the URL of the next page."""
    query = request.META.get("QUERY_STRING", "")
    own = f"{base_url(request)}{request.path}"
    return {"self": f"{own}?{query}" if query else own, "next": following, "previous": None}
