"""/OS-EP-FILTER/endpoint_groups."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.page_links import ListLinks
from cloudweb.api.views import empty
from identity.api import shapes
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.catalog import EndpointShown
from identity.api.serializers.endpoint_groups import (
    EndpointGroupCreate,
    EndpointGroupUpdate,
    association_body,
    endpoint_group_body,
)
from identity.api.serializers.projects import ProjectShown
from identity.api.views import IdentityViewSet, described
from identity.manager import EndpointGroupManager
from identity.models import EndpointGroup

HINTS = Hints(exact=("name",))
PAGED = Hints()
ASSOCIATION = within("project_endpoint_group", shapes.EndpointGroupAssociation)


class EndpointGroupViewSet(IdentityViewSet):
    """Groups of endpoints, and whose catalogs have these alone."""

    manager = EndpointGroupManager

    @extend_schema(
        operation_id="identity_endpoint_groups_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the groups; hint name."""
        http = request._request
        rows = hinted(http, self.manager(self.context).list(), HINTS)
        return listed(http, "endpoint_groups", rows, endpoint_group_body)

    @extend_schema(
        operation_id="identity_endpoint_groups_create",
        request=EndpointGroupCreate,
        responses={201: dict},
    )
    def create(self, request: Request) -> Response:
        """Record a group."""
        body = self.wanted("endpoint_group", EndpointGroupCreate)
        group = self.manager(self.context).create(
            name=body.name, description=body.description or "", filters=body.filters.stored()
        )
        return self._answer(group, status=201)

    @extend_schema(operation_id="identity_endpoint_groups_get", responses={200: dict})
    def retrieve(self, request: Request, group_id: str) -> Response:
        """Return one group."""
        return self._answer(self.manager(self.context).get(group_id))

    @extend_schema(
        operation_id="identity_endpoint_groups_update",
        request=EndpointGroupUpdate,
        responses={200: dict},
    )
    def partial_update(self, request: Request, group_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("endpoint_group", EndpointGroupUpdate)
        changes: dict[str, Any] = described(body)
        if body.name is not None:
            changes["name"] = body.name
        if body.filters is not None:
            changes["filters"] = body.filters.stored()
        return self._answer(self.manager(self.context).update(group_id, **changes))

    @extend_schema(operation_id="identity_endpoint_groups_delete", responses={204: None})
    def destroy(self, request: Request, group_id: str) -> Response:
        """Remove a group."""
        self.manager(self.context).delete(group_id)
        return empty(204)

    @extend_schema(
        operation_id="identity_endpoint_group_endpoints_list",
        parameters=PAGED.parameters,
        responses={200: dict},
    )
    def endpoints(self, request: Request, group_id: str) -> Response:
        """Return the endpoints of a group."""
        rows = self.manager(self.context).endpoints_of(group_id)
        return listed(request._request, "endpoints", rows, EndpointShown)

    @extend_schema(
        operation_id="identity_endpoint_group_projects_list",
        parameters=PAGED.parameters,
        responses={200: listing("projects", ProjectShown, links=ListLinks)},
    )
    def projects(self, request: Request, group_id: str) -> Response:
        """Return the projects of a group."""
        rows = self.manager(self.context).projects_of(group_id)
        return listed(request._request, "projects", rows, ProjectShown)

    @extend_schema(
        operation_id="identity_endpoint_group_projects_get", responses={200: ASSOCIATION}
    )
    def association(self, request: Request, group_id: str, project_id: str) -> Response:
        """Tell that a project has a group."""
        self.manager(self.context).check(group_id, project_id)
        body = association_body(request._request, group_id, project_id)
        return Response({"project_endpoint_group": body})

    @extend_schema(
        operation_id="identity_endpoint_group_projects_add", request=None, responses={204: None}
    )
    def add(self, request: Request, group_id: str, project_id: str) -> Response:
        """Give a project a group."""
        self.manager(self.context).add(group_id, project_id)
        return empty(204)

    @extend_schema(operation_id="identity_endpoint_group_projects_remove", responses={204: None})
    def remove(self, request: Request, group_id: str, project_id: str) -> Response:
        """Take a group away from a project."""
        self.manager(self.context).remove(group_id, project_id)
        return empty(204)

    def _answer(self, group: EndpointGroup, *, status: int = 200) -> Response:
        body = endpoint_group_body(self.request._request, group)
        return Response({"endpoint_group": body}, status=status)
