"""Extensions, as clients older than microversions look for them, and what lists are filtered by."""

from __future__ import annotations

from typing import Annotated, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, Link, listing
from cloudweb.api.shown import Always
from cloudweb.api.views import ServiceViewSet
from volume.manager import ExtensionManager

UPDATED = "2014-12-03T00:00:00+00:00"


class VolumeExtensionShown(Answer):
    """A group of calls; its time says nothing."""

    alias: str
    name: str
    description: str
    links: Annotated[list[Link], Always([])]
    updated: Annotated[str, Always(UPDATED)]


class ExtensionViewSet(ServiceViewSet):
    """The list."""

    manager: ClassVar[type[ExtensionManager]] = ExtensionManager

    @extend_schema(
        operation_id="volume_extensions",
        responses={200: listing("extensions", VolumeExtensionShown)},
    )
    def list(self, request: Request) -> Response:
        """Return all extensions."""
        found = self.manager(self.context).list()
        return Response({"extensions": self.shown_all(VolumeExtensionShown, found)})
