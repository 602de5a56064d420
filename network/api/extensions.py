"""/extensions: which parts of the API are here."""

from __future__ import annotations

from typing import Annotated

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, Link, listing, within
from cloudweb.api.shown import Always, Of, shown
from cloudweb.api.views import ServiceViewSet
from network.manager import ExtensionManager

UPDATED = "2026-01-01T00:00:00-00:00"


class ExtensionShown(Answer):
    """A part of the API that is here."""

    alias: str
    name: str
    description: str
    updated: Annotated[str, Always(UPDATED)]
    links: Annotated[list[Link], Of(lambda _row: [])]


class ExtensionViewSet(ServiceViewSet):
    """The extensions of this API."""

    @extend_schema(
        operation_id="network_extensions_list",
        responses={200: listing("extensions", ExtensionShown)},
    )
    def list(self, request: Request) -> Response:
        """Return all extensions."""
        found = ExtensionManager(self.context).list()
        return Response({"extensions": shown(ExtensionShown, found, self.scene)})

    @extend_schema(
        operation_id="network_extensions_get",
        responses={200: within("extension", ExtensionShown)},
    )
    def retrieve(self, request: Request, alias: str) -> Response:
        """Return one extension."""
        found = ExtensionManager(self.context).get(alias)
        (body,) = shown(ExtensionShown, [found], self.scene)
        return Response({"extension": body})
