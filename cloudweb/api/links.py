"""URLs as clients see them, and the links to a resource that its representation carries (contract 12.4.32)."""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from rest_framework.request import Request

from cloudweb.dialects import LOG_IN
from cloudweb.mounts import dialect_of


def base_url(request: HttpRequest) -> str:
    """Return scheme, host and mount root as clients see them, without a trailing slash.

    That is PUBLIC_URL where it is set, else what the request came by.
    """
    return settings.PUBLIC_URL.rstrip("/") or f"{request.scheme}://{request.get_host()}"


def identity_url(request: HttpRequest) -> str:
    """Return where a client without a valid token finds identity (WWW-Authenticate)."""
    path = f"/{LOG_IN.service}"
    try:
        return f"{base_url(request)}{path}"
    except DisallowedHost:  # the answer to a broken Host header must not break on it again
        return path


def resource_links(request: HttpRequest | Request, path: str) -> list[dict[str, str]]:
    """Return the self link, and the bookmark: the same without the version."""
    http = request._request if isinstance(request, Request) else request
    dialect, base, place = dialect_of(http.path), base_url(http), quote(path)
    return [
        {"rel": "self", "href": f"{dialect.root(base)}/{place}"},
        {"rel": "bookmark", "href": f"{base}/{dialect.service}/{place}"},
    ]
