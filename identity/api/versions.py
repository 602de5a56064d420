"""Version documents; no token is needed (contract 1.3)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import Field
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudweb.api.answers import Answer, Link, MediaType, listing, within
from cloudweb.api.shown import Scene


class Version(Answer):
    """What a client must know of a version."""

    id: str
    status: str
    updated: str
    links: list[Link]
    media_types: list[MediaType] = Field(alias="media-types")


LOCATION = OpenApiParameter("Location", str, OpenApiParameter.HEADER, required=True, response=[300])


def _place(request: HttpRequest) -> str:
    return Scene(request).url("")


def _v3(request: HttpRequest) -> dict[str, Any]:
    media_type = "application/vnd.openstack.identity-v3+json"
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": _place(request)}],
        "media-types": [{"base": "application/json", "type": media_type}],
    }


def _wants_json_home(request: Request) -> bool:
    return "application/json-home" in request.headers.get("Accept", "").lower()


def _json_home() -> Response:
    response = Response({"resources": {}})
    response.headers["Content-Type"] = "application/json-home"
    return response


class DiscoveryView(APIView):
    """A document anyone may read; a bad token does not matter."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class RootView(DiscoveryView):
    """GET /identity: which versions there are."""

    @extend_schema(
        parameters=[LOCATION], responses={300: within("versions", listing("values", Version))}
    )
    def get(self, request: Request) -> Response:
        """Return 300 with the one choice, also in Location."""
        if _wants_json_home(request):
            return _json_home()
        body = {"versions": {"values": [_v3(request._request)]}}
        return Response(body, status=300, headers={"Location": _place(request._request)})


class V3View(DiscoveryView):
    """GET /identity/v3: this version."""

    @extend_schema(responses={200: within("version", Version)})
    def get(self, request: Request) -> Response:
        """Return the version document."""
        if _wants_json_home(request):
            return _json_home()
        return Response({"version": _v3(request._request)})
