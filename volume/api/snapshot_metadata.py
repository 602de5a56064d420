"""The metadata of snapshots."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from volume.api.serializers.volumes import MetadataBody, MetadataItem
from volume.manager import SnapshotManager


class SnapshotMetadataViewSet(ServiceViewSet):
    """The metadata of a snapshot."""

    manager: ClassVar[type[SnapshotManager]] = SnapshotManager

    @extend_schema(responses={200: MetadataBody})
    def list(self, request: Request, snapshot_id: str) -> Response:
        """Show all items."""
        return Response({"metadata": self.manager(self.context).metadata(snapshot_id)})

    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def merge(self, request: Request, snapshot_id: str) -> Response:
        """Add or change items."""
        items = self.validated(MetadataBody).metadata
        found = self.manager(self.context).update_metadata(snapshot_id, items)
        return Response({"metadata": found})

    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def replace(self, request: Request, snapshot_id: str) -> Response:
        """Replace all items."""
        items = self.validated(MetadataBody).metadata
        found = self.manager(self.context).replace_metadata(snapshot_id, items)
        return Response({"metadata": found})

    @extend_schema(responses={200: MetadataItem})
    def retrieve(self, request: Request, snapshot_id: str, key: str) -> Response:
        """Show one item."""
        value = self.manager(self.context).metadata_item(snapshot_id, key)
        return Response({"meta": {key: value}})

    @extend_schema(request=MetadataItem, responses={200: MetadataItem})
    def update(self, request: Request, snapshot_id: str, key: str) -> Response:
        """Set one item."""
        item = self.validated(MetadataItem).meta
        if key not in item:
            raise BadRequest("Request body and URI mismatch")
        self.manager(self.context).update_metadata(snapshot_id, item)
        return Response({"meta": item})

    @extend_schema(responses={200: None})
    def destroy(self, request: Request, snapshot_id: str, key: str) -> Response:
        """Remove one item."""
        self.manager(self.context).delete_metadata_item(snapshot_id, key)
        return empty(200)
