"""/OS-EP-FILTER/projects and /OS-EP-FILTER/endpoints: endpoints chosen for projects."""

from __future__ import annotations

from dataclasses import replace

from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.resource import NounViewSet, RelationViewSet
from identity.api.serializers.catalog import ENDPOINT
from identity.api.serializers.endpoint_groups import ENDPOINT_GROUP
from identity.api.serializers.projects import PROJECT
from identity.manager import EndpointFilterManager


class ProjectEndpointViewSet(RelationViewSet):
    """What a project's catalog has, once something was chosen for it."""

    manager = EndpointFilterManager
    resource = replace(ENDPOINT, filters={})
    called = "project_endpoints"

    def list(self, request: Request, project_id: str) -> Response:
        """Return the endpoints of a project, those of its groups too."""
        return self.page_of(EndpointFilterManager(self.context).endpoints_of, project_id)


class ProjectEndpointGroupViewSet(NounViewSet):
    """The groups of endpoints that a project has."""

    manager = EndpointFilterManager
    resource = replace(ENDPOINT_GROUP, filters={})
    called = "project_endpoint_groups"

    def list(self, request: Request, project_id: str) -> Response:
        """Return the endpoint groups of a project."""
        return self.page_of(EndpointFilterManager(self.context).groups_of, project_id)


class EndpointProjectViewSet(NounViewSet):
    """Whose catalogs an endpoint was chosen for."""

    manager = EndpointFilterManager
    resource = replace(PROJECT, filters={})
    called = "endpoint_projects"

    def list(self, request: Request, endpoint_id: str) -> Response:
        """Return the projects that an endpoint was chosen for."""
        return self.page_of(EndpointFilterManager(self.context).projects_of, endpoint_id)
