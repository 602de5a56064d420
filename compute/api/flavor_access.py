"""Which projects may use a private flavor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.compute import since
from compute.api.serializers.flavor_access import (
    AccessAction,
    FlavorAccessShown,
    Tenant,
    access_list,
)
from compute.manager import FlavorAccessManager

LISTED = listing("flavor_access", FlavorAccessShown)


class FlavorAccessViewSet(ServiceViewSet):
    """The access list, and the two actions that change it."""

    manager: ClassVar[type[FlavorAccessManager]] = FlavorAccessManager

    @extend_schema(responses={200: LISTED})
    def list(self, request: Request, flavor_id: str) -> Response:
        """Return the list of a private flavor."""
        return Response(access_list(flavor_id, self.manager(self.context).list(flavor_id)))

    @extend_schema(request=AccessAction, responses={200: LISTED})
    def act(self, request: Request, flavor_id: str) -> Response:
        """Grant or withdraw access; both return the list as it is then."""
        data = request.data
        if isinstance(data, Mapping) and list(data) == ["addTenantAccess"]:
            project_id = self.validated(Tenant, data["addTenantAccess"]).tenant
            projects = self.manager(self.context).add(
                flavor_id, project_id, refuse_public=self.version in since(7)
            )
        elif isinstance(data, Mapping) and list(data) == ["removeTenantAccess"]:
            project_id = self.validated(Tenant, data["removeTenantAccess"]).tenant
            projects = self.manager(self.context).remove(flavor_id, project_id)
        else:
            raise BadRequest(
                "The body must hold one action: addTenantAccess or removeTenantAccess."
            )
        return Response(access_list(flavor_id, projects))
