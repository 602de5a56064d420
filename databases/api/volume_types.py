"""The types that the volumes of databases can be of."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet
from databases.api.serializers.volume_types import VolumeTypeShown
from databases.manager import DatabaseVolumeTypeManager, DatastoreManager

TYPES = listing("volume_types", VolumeTypeShown)


class DatabaseVolumeTypeViewSet(ServiceViewSet):
    """Volume types."""

    manager: ClassVar[type[DatabaseVolumeTypeManager]] = DatabaseVolumeTypeManager

    @extend_schema(operation_id="database_volume_types_list", responses={200: TYPES})
    def list(self, request: Request) -> Response:
        """List volume types."""
        rows = self.manager(self.context).list()
        return Response({"volume_types": self.shown_all(VolumeTypeShown, rows)})

    @extend_schema(operation_id="datastore_version_volume_types", responses={200: TYPES})
    def list_of_version(self, request: Request, datastore: str, version: str) -> Response:
        """List those that fit a version: all do."""
        DatastoreManager(self.context).version(version, datastore)
        return self.list(request)

    @extend_schema(
        operation_id="database_volume_types_get",
        responses={200: within("volume_type", VolumeTypeShown)},
    )
    def retrieve(self, request: Request, type_id: str) -> Response:
        """Show one."""
        row = self.manager(self.context).get(type_id)
        return Response({"volume_type": self.shown(VolumeTypeShown, row)})
