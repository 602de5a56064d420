"""/OS-EP-FILTER/projects and /OS-EP-FILTER/endpoints: endpoints chosen for projects."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, listed
from identity.api.serializers.catalog import EndpointShown
from identity.api.serializers.endpoint_groups import endpoint_group_body
from identity.api.serializers.projects import ProjectShown
from identity.api.views import IdentityViewSet
from identity.manager import EndpointFilterManager

PAGED = Hints()


class EndpointFilterViewSet(IdentityViewSet):
    """What a project's catalog has, once something was chosen for it."""

    manager = EndpointFilterManager

    @extend_schema(
        operation_id="identity_project_endpoints_list",
        parameters=PAGED.parameters,
        responses={200: dict},
    )
    def endpoints(self, request: Request, project_id: str) -> Response:
        """Return the endpoints of a project, those of its groups too."""
        rows = self.manager(self.context).endpoints_of(project_id)
        return listed(request._request, "endpoints", rows, EndpointShown)

    @extend_schema(
        operation_id="identity_project_endpoint_groups_list",
        parameters=PAGED.parameters,
        responses={200: dict},
    )
    def groups(self, request: Request, project_id: str) -> Response:
        """Return the endpoint groups of a project."""
        rows = self.manager(self.context).groups_of(project_id)
        return listed(request._request, "endpoint_groups", rows, endpoint_group_body)

    @extend_schema(
        operation_id="identity_endpoint_projects_list",
        parameters=PAGED.parameters,
        responses={200: dict},
    )
    def projects(self, request: Request, endpoint_id: str) -> Response:
        """Return the projects that an endpoint was chosen for."""
        rows = self.manager(self.context).projects_of(endpoint_id)
        return listed(request._request, "projects", rows, ProjectShown)

    @extend_schema(operation_id="identity_project_endpoints_check", responses={204: None})
    def check(self, request: Request, project_id: str, endpoint_id: str) -> Response:
        """Tell by the status whether an endpoint was chosen for a project."""
        self.manager(self.context).check(project_id, endpoint_id)
        return empty(204)

    @extend_schema(
        operation_id="identity_project_endpoints_add", request=None, responses={204: None}
    )
    def add(self, request: Request, project_id: str, endpoint_id: str) -> Response:
        """Choose an endpoint for a project."""
        self.manager(self.context).add(project_id, endpoint_id)
        return empty(204)

    @extend_schema(operation_id="identity_project_endpoints_remove", responses={204: None})
    def remove(self, request: Request, project_id: str, endpoint_id: str) -> Response:
        """Choose it no longer."""
        self.manager(self.context).remove(project_id, endpoint_id)
        return empty(204)
