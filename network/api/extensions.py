"""/extensions: which parts of the API are here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet
from network.manager import ExtensionManager
from network.manager.extension import Extension

UPDATED = "2026-01-01T00:00:00-00:00"


class ExtensionViewSet(ServiceViewSet):
    """The extensions of this API."""

    @extend_schema(operation_id="network_extensions_list", responses={200: dict})
    def list(self, request: Request) -> Response:
        """Return all extensions."""
        found = ExtensionManager(self.context).list()
        return Response({"extensions": [_body(extension) for extension in found]})

    @extend_schema(operation_id="network_extensions_get", responses={200: dict})
    def retrieve(self, request: Request, alias: str) -> Response:
        """Return one extension."""
        return Response({"extension": _body(ExtensionManager(self.context).get(alias))})


def _body(extension: Extension) -> dict[str, Any]:
    return {**extension._asdict(), "updated": UPDATED, "links": []}
