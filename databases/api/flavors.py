"""The sizes that databases come in."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet
from databases.api.serializers.flavors import FlavorShown
from databases.manager import DatabaseFlavorManager


class DatabaseFlavorViewSet(ServiceViewSet):
    """Flavors."""

    manager: ClassVar[type[DatabaseFlavorManager]] = DatabaseFlavorManager

    @extend_schema(
        operation_id="database_flavors_list", responses={200: listing("flavors", FlavorShown)}
    )
    def list(self, request: Request) -> Response:
        """List flavors."""
        rows = self.manager(self.context).list()
        return Response({"flavors": self.shown_all(FlavorShown, rows)})

    @extend_schema(
        operation_id="database_flavors_get", responses={200: within("flavor", FlavorShown)}
    )
    def retrieve(self, request: Request, flavor_id: str) -> Response:
        """Show one."""
        row = self.manager(self.context).get(flavor_id)
        return Response({"flavor": self.shown(FlavorShown, row)})
