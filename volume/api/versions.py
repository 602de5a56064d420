"""Version documents: what clients read before they have a token (contract 1.3)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from cloudweb.api.answers import Answer, Link, MediaType, listing
from cloudweb.api.links import base_url
from cloudweb.microversions.volume import VOLUME

UPDATED = "2023-08-31T00:00:00Z"
MEDIA_TYPE = "application/vnd.openstack.volume+json;version=3"


class VolumeVersion(Answer):
    """What a client must know of a version."""

    id: str
    status: str
    version: str
    min_version: str
    updated: str
    links: list[Link]
    media_types: list[MediaType] = Field(alias="media-types")


class VersionViewSet(ViewSet):
    """Needs no token: a 401 here would make clients guess."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses={300: listing("versions", VolumeVersion)})
    def list(self, request: Request) -> Response:
        """Return the versions of the service (300: choose one)."""
        return Response({"versions": [_version(request)]}, status=300)

    @extend_schema(responses={200: listing("versions", VolumeVersion)})
    def retrieve(self, request: Request) -> Response:
        """Return the one version, as a list here too."""
        return Response({"versions": [_version(request)]})


def _version(request: Request) -> dict[str, Any]:
    return {
        "id": "v3.0",
        "status": "CURRENT",
        "version": str(VOLUME.maximum),
        "min_version": str(VOLUME.minimum),
        "updated": UPDATED,
        "links": [{"rel": "self", "href": f"{base_url(request._request)}/volume/v3/"}],
        "media-types": [{"base": "application/json", "type": MEDIA_TYPE}],
    }
