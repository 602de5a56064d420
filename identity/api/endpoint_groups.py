"""/OS-EP-FILTER/endpoint_groups."""

from __future__ import annotations

from dataclasses import replace

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from identity.api.resource import NounViewSet, RelationViewSet, listed
from identity.api.serializers.catalog import ENDPOINT
from identity.api.serializers.endpoint_groups import ENDPOINT_GROUP, EndpointGroupAssociation
from identity.api.serializers.projects import PROJECT
from identity.manager import EndpointGroupManager

ASSOCIATION = within("project_endpoint_group", EndpointGroupAssociation)


class EndpointGroupViewSet(NounViewSet):
    """Groups of endpoints, and whose catalogs have these alone."""

    manager = EndpointGroupManager
    resource = ENDPOINT_GROUP


class GroupEndpointViewSet(NounViewSet):
    """The endpoints of a group."""

    manager = EndpointGroupManager
    resource = replace(ENDPOINT, filters={})
    called = "endpoint_group_endpoints"
    list = listed(EndpointGroupManager.endpoints_of)


class GroupProjectViewSet(RelationViewSet):
    """The projects of a group."""

    manager = EndpointGroupManager
    resource = replace(PROJECT, filters={})
    called = "endpoint_group_projects"
    list = listed(EndpointGroupManager.projects_of)

    @extend_schema(
        operation_id="identity_endpoint_group_projects_get", responses={200: ASSOCIATION}
    )
    def association(self, request: Request, group_id: str, project_id: str) -> Response:
        """Tell that a project has a group."""
        EndpointGroupManager(self.context).check(group_id, project_id)
        path = f"OS-EP-FILTER/endpoint_groups/{group_id}/projects/{project_id}"
        links = {"self": self.scene.url(path)}
        found = {"endpoint_group_id": group_id, "project_id": project_id, "links": links}
        return Response({"project_endpoint_group": found})
