"""Version documents (no token is needed, contract 1.3) and what clients ask before they import."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudweb.api.answers import Answer, Link, listing, within
from cloudweb.api.links import base_url
from image.api.imports import ImportMethods, import_methods

NEWEST = 16


class Version(Answer):
    """What a client must know of a version."""

    id: str
    status: str
    links: list[Link]


VERSIONS = listing("versions", Version)


def _versions(request: HttpRequest) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{base_url(request)}/image/v2/"}]
    return {
        "versions": [
            {
                "id": f"v2.{minor}",
                "status": "CURRENT" if minor == NEWEST else "SUPPORTED",
                "links": links,
            }
            for minor in range(NEWEST, -1, -1)
        ]
    }


class VersionsView(APIView):
    """GET /image/versions."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    status = 200

    @extend_schema(operation_id="image_versions", responses={200: VERSIONS})
    def get(self, request: Request) -> Response:
        """Return the versions."""
        return Response(_versions(request._request), status=self.status)


class RootView(VersionsView):
    """GET /image: the same as a choice."""

    status = 300

    @extend_schema(operation_id="image_root", responses={300: VERSIONS})
    def get(self, request: Request) -> Response:
        """Return the versions with 300."""
        return super().get(request)


class V2View(RootView):
    """GET /image/v2: the same again, for clients that ask below the root."""

    @extend_schema(operation_id="image_v2", responses={300: VERSIONS})
    def get(self, request: Request) -> Response:
        """Return the versions with 300."""
        return super().get(request)


class ImportInfoView(APIView):
    """GET /v2/info/import."""

    @extend_schema(
        operation_id="image_import_info", responses={200: within("import-methods", ImportMethods)}
    )
    def get(self, request: Request) -> Response:
        """Return the ways to import an image."""
        return Response(import_methods())
