"""/OS-EP-FILTER/projects and /OS-EP-FILTER/endpoints: endpoints chosen for projects."""

from __future__ import annotations

from dataclasses import replace

from identity.api.resource import NounViewSet, RelationViewSet, listed
from identity.api.serializers.catalog import ENDPOINT
from identity.api.serializers.endpoint_groups import ENDPOINT_GROUP
from identity.api.serializers.projects import PROJECT
from identity.manager import EndpointFilterManager


class ProjectEndpointViewSet(RelationViewSet):
    """What a project's catalog has, once something was chosen for it."""

    manager = EndpointFilterManager
    resource = replace(ENDPOINT, filters={})
    called = "project_endpoints"
    list = listed(EndpointFilterManager.endpoints_of)


class ProjectEndpointGroupViewSet(NounViewSet):
    """The groups of endpoints that a project has."""

    manager = EndpointFilterManager
    resource = replace(ENDPOINT_GROUP, filters={})
    called = "project_endpoint_groups"
    list = listed(EndpointFilterManager.groups_of)


class EndpointProjectViewSet(NounViewSet):
    """Whose catalogs an endpoint was chosen for."""

    manager = EndpointFilterManager
    resource = replace(PROJECT, filters={})
    called = "endpoint_projects"
    list = listed(EndpointFilterManager.projects_of)
