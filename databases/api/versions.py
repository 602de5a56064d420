"""Version documents: what clients read before they have a token (contract 1.3)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, Link, listing, within
from cloudweb.api.links import base_url
from cloudweb.api.views import ServiceViewSet

UPDATED = "2026-11-29T00:00:00Z"


class DatabaseVersion(Answer):
    """What a client must know of a version."""

    id: str
    status: str
    updated: str
    links: list[Link]


class VersionViewSet(ServiceViewSet):
    """Needs no token: a 401 here would make clients guess."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses={200: listing("versions", DatabaseVersion)})
    def list(self, request: Request) -> Response:
        """Return the versions of the service."""
        return Response({"versions": [_version(request)]})

    @extend_schema(responses={200: within("version", DatabaseVersion)})
    def retrieve(self, request: Request) -> Response:
        """Return the one version."""
        return Response({"version": _version(request)})


def _version(request: Request) -> dict[str, Any]:
    href = f"{base_url(request._request)}/database/v1.0/"
    return {
        "id": "v1.0",
        "status": "CURRENT",
        "updated": UPDATED,
        "links": [{"rel": "self", "href": href}],
    }
