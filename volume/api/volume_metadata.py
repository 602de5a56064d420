"""The metadata of volumes, with an ETag that changes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.volume import since
from volume.api.serializers.volumes import MetadataBody, MetadataItem
from volume.items import tag_of
from volume.manager import VolumeManager

ETAGS = since(15)


class VolumeMetadataViewSet(ServiceViewSet):
    """The metadata of a volume."""

    manager: ClassVar[type[VolumeManager]] = VolumeManager

    @extend_schema(responses={200: MetadataBody})
    def list(self, request: Request, volume_id: str) -> Response:
        """Show all items."""
        return self._tagged(self.manager(self.context).metadata(volume_id))

    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def merge(self, request: Request, volume_id: str) -> Response:
        """Add or change items."""
        items = self.validated(MetadataBody).metadata
        manager = self.manager(self.context)
        found = manager.update_metadata(volume_id, items, expected=self._expected())
        return self._tagged(found)

    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def replace(self, request: Request, volume_id: str) -> Response:
        """Replace all items."""
        items = self.validated(MetadataBody).metadata
        manager = self.manager(self.context)
        found = manager.replace_metadata(volume_id, items, expected=self._expected())
        return self._tagged(found)

    @extend_schema(responses={200: MetadataItem})
    def retrieve(self, request: Request, volume_id: str, key: str) -> Response:
        """Show one item."""
        return Response({"meta": {key: self.manager(self.context).metadata_item(volume_id, key)}})

    @extend_schema(request=MetadataItem, responses={200: MetadataItem})
    def update(self, request: Request, volume_id: str, key: str) -> Response:
        """Set one item."""
        item = self.validated(MetadataItem).meta
        if key not in item:
            raise BadRequest("Request body and URI mismatch")
        self.manager(self.context).update_metadata(volume_id, item, expected=self._expected())
        return Response({"meta": item})

    @extend_schema(responses={200: None})
    def destroy(self, request: Request, volume_id: str, key: str) -> Response:
        """Remove one item."""
        self.manager(self.context).delete_metadata_item(volume_id, key)
        return empty(200)

    def _tagged(self, items: Mapping[str, str]) -> Response:
        response = Response({"metadata": items})
        if self.version in ETAGS:
            response.headers["ETag"] = tag_of(items)
        return response

    def _expected(self) -> str:
        return str(self.request.headers.get("If-Match", "")) if self.version in ETAGS else ""
