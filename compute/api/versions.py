"""Version documents: what clients read before they have a token (contract 1.3)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from cloudweb.api.answers import Answer, Link, MediaType, listing, within
from cloudweb.api.links import base_url
from cloudweb.microversions.compute import COMPUTE

UPDATED = "2013-07-23T11:33:21Z"
#: When Nova's first version was last changed: it knows no microversions.
UPDATED_FIRST = "2011-01-21T11:33:21Z"


class Version(Answer):
    """What a client must know of a version."""

    id: str
    status: str
    version: str
    min_version: str
    updated: str
    links: list[Link]


class SingleVersion(Version):
    """The same, asked for alone."""

    media_types: list[MediaType] = Field(alias="media-types")


class VersionViewSet(ViewSet):
    """Needs no token: a 401 here would make clients guess."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses={200: listing("versions", Version)})
    def list(self, request: Request) -> Response:
        """Return the versions of the service."""
        return Response({"versions": [_first(request), _version(request)]})

    @extend_schema(responses={200: within("version", SingleVersion)})
    def retrieve(self, request: Request) -> Response:
        """Return the version with microversions."""
        return Response({"version": _alone(_version(request), "2.1")})

    @extend_schema(responses={200: within("version", SingleVersion)})
    def retrieve_first(self, request: Request) -> Response:
        """Return the version without microversions: the calls of 2.1 under another path."""
        return Response({"version": _alone(_first(request), "2")})


def _alone(version: dict[str, Any], number: str) -> dict[str, Any]:
    kind = f"application/vnd.openstack.compute+json;version={number}"
    return {**version, "media-types": [{"base": "application/json", "type": kind}]}


def _first(request: Request) -> dict[str, Any]:
    return {
        "id": "v2.0",
        "status": "SUPPORTED",
        "version": "",
        "min_version": "",
        "updated": UPDATED_FIRST,
        "links": [{"rel": "self", "href": f"{base_url(request._request)}/compute/v2/"}],
    }


def _version(request: Request) -> dict[str, Any]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": str(COMPUTE.maximum),
        "min_version": str(COMPUTE.minimum),
        "updated": UPDATED,
        "links": [{"rel": "self", "href": f"{base_url(request._request)}/compute/v2.1/"}],
    }
