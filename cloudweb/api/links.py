"""Links to a resource, as its representation carries them (contract 12.4.32)."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest
from rest_framework.request import Request

from cloudweb.api.mounts import base_url


def resource_links(
    request: HttpRequest | Request, *, mount: str, version: str, path: str
) -> list[dict[str, str]]:
    """Return the self link, and the bookmark: the same without the version."""
    http = request._request if isinstance(request, Request) else request
    root = f"{base_url(http)}/{mount}"
    place = quote(path)
    return [
        {"rel": "self", "href": f"{root}/{version}/{place}"},
        {"rel": "bookmark", "href": f"{root}/{place}"},
    ]
