"""Grants (/projects/{id}/users/{id}/roles and its seven siblings) and /role_assignments."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.page_links import ListLinks
from cloudweb.api.queries import PRESENCE, parameters
from cloudweb.api.resource_schema import ResourceSchema
from cloudweb.api.schema import ServiceSchema
from cloudweb.api.views import ServiceViewSet, empty
from identity.api.lists import is_flag_set, whole
from identity.api.resource import NounViewSet
from identity.api.serializers.roles import SOME_ROLES, assignment_body
from identity.api.shapes import AssignmentShown
from identity.manager import AssignmentManager
from identity.manager.assignments import GrantTarget
from identity.manager.effective import Asked

INHERITED_TO = "scope.OS-INHERIT:inherited_to"
FLAGS = ("effective", "include_names", "include_subtree")
IDS = ("user.id", "group.id", "scope.project.id", "scope.domain.id", "scope.system", "role.id")


QUERY = parameters(*IDS, INHERITED_TO, **dict.fromkeys(FLAGS, PRESENCE))
ALL = listing("role_assignments", AssignmentShown, links=ListLinks)


class GrantSchema(ResourceSchema):
    """Each of the twelve routes is named by its path; nothing but a list has an answer."""

    def get_operation_id(self) -> str:
        """Return the service, the fixed words of the path and the view's method."""
        return ServiceSchema.get_operation_id(self)


class GrantViewSet(NounViewSet):
    """Roles of a user or a group on a project, a domain or the system, as the URL names them."""

    manager = AssignmentManager
    resource = SOME_ROLES
    schema = GrantSchema()
    system = False
    inherited = False

    def _target(self, ids: dict[str, str]) -> GrantTarget:
        return GrantTarget(**ids, system=self.system, inherited=self.inherited)

    def list(self, request: Request, **ids: str) -> Response:
        """Return the roles that were granted."""
        return self.page_of(AssignmentManager(self.context).roles_of, self._target(ids))

    @extend_schema(request=None, responses={204: None})
    def grant(self, request: Request, role_id: str, **ids: str) -> Response:
        """Give a role."""
        AssignmentManager(self.context).grant(self._target(ids), role_id=role_id)
        return empty(204)

    @extend_schema(responses={204: None})
    def check(self, request: Request, role_id: str, **ids: str) -> Response:
        """Tell by the status whether the role was granted."""
        AssignmentManager(self.context).check(self._target(ids), role_id=role_id)
        return empty(204)

    @extend_schema(responses={204: None})
    def withdraw(self, request: Request, role_id: str, **ids: str) -> Response:
        """Take a role away."""
        AssignmentManager(self.context).withdraw(self._target(ids), role_id=role_id)
        return empty(204)


class RoleAssignmentViewSet(ServiceViewSet):
    """Who has which role where."""

    manager = AssignmentManager

    @extend_schema(
        operation_id="identity_role_assignments_list",
        parameters=QUERY,
        responses={200: ALL},
    )
    def list(self, request: Request) -> Response:
        """Return assignments; flags effective, include_names, include_subtree."""
        http = request._request
        query = http.GET
        asked = Asked(
            user_id=query.get("user.id"),
            group_id=query.get("group.id"),
            project_id=query.get("scope.project.id"),
            domain_id=query.get("scope.domain.id"),
            system=is_flag_set(http, "scope.system"),
            role_id=query.get("role.id"),
            inherited=is_flag_set(http, INHERITED_TO),
            include_subtree=is_flag_set(http, "include_subtree"),
            effective=is_flag_set(http, "effective"),
        )
        found = AssignmentManager(self.context).list(asked)
        names = is_flag_set(http, "include_names")
        lines = [assignment_body(self.scene, one, names=names) for one in found]
        return whole(http, "role_assignments", lines)
