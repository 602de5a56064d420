"""What Trove has and this cloud has not: clusters and modules, of which there are none to list."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.views import ServiceViewSet
from databases.manager import DatabaseInstanceManager


class NoneViewSet(ServiceViewSet):
    """Lists of what clients and Horizon's panels ask for."""

    manager: ClassVar[type[DatabaseInstanceManager]] = DatabaseInstanceManager

    @extend_schema(
        operation_id="database_clusters_list",
        responses={200: listing("clusters", dict[str, Any])},
    )
    def list_clusters(self, request: Request) -> Response:
        """List clusters: there are none."""
        self.manager(self.context).check_reader()
        return Response({"clusters": []})

    @extend_schema(
        operation_id="database_modules_list",
        responses={200: listing("modules", dict[str, Any])},
    )
    def list_modules(self, request: Request) -> Response:
        """List modules: there are none."""
        self.manager(self.context).check_reader()
        return Response({"modules": []})
