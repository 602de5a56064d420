"""/projects/{id}/users/{id}/roles and /role_assignments."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, is_flag_set, listed, whole
from identity.api.serializers.roles import assignment_body, role_body
from identity.api.views import IdentityViewSet
from identity.manager import AssignmentManager
from identity.manager.assignments import GrantTarget

#: Filters that this list does not know yet.
NEVER = ("group.id", "scope.domain.id", "scope.system", "scope.OS-INHERIT:inherited_to")


HINTS = Hints(
    others=("user.id", "scope.project.id", "role.id", *NEVER),
    marks=("include_subtree", "effective", "include_names"),
    paged=False,
)


class GrantViewSet(IdentityViewSet):
    """Roles of a user on a project."""

    manager = AssignmentManager

    @extend_schema(operation_id="identity_grants_list", responses={200: dict})
    def list(self, request: Request, project_id: str, user_id: str) -> Response:
        """Return the roles that were granted."""
        rows = AssignmentManager(self.context).roles_of(
            GrantTarget(user_id=user_id, project_id=project_id)
        )
        return listed(request._request, "roles", rows, role_body)

    @extend_schema(operation_id="identity_grants_create", request=None, responses={204: None})
    def grant(self, request: Request, project_id: str, user_id: str, role_id: str) -> Response:
        """Give a role."""
        AssignmentManager(self.context).grant(
            GrantTarget(user_id=user_id, project_id=project_id), role_id=role_id
        )
        return empty(204)

    @extend_schema(operation_id="identity_grants_check", responses={204: None})
    def check(self, request: Request, project_id: str, user_id: str, role_id: str) -> Response:
        """Tell by the status whether the role was granted."""
        AssignmentManager(self.context).check(
            GrantTarget(user_id=user_id, project_id=project_id), role_id=role_id
        )
        return empty(204)

    @extend_schema(operation_id="identity_grants_revoke", responses={204: None})
    def withdraw(self, request: Request, project_id: str, user_id: str, role_id: str) -> Response:
        """Take a role away."""
        AssignmentManager(self.context).withdraw(
            GrantTarget(user_id=user_id, project_id=project_id), role_id=role_id
        )
        return empty(204)


class RoleAssignmentViewSet(IdentityViewSet):
    """Who has which role where."""

    manager = AssignmentManager

    @extend_schema(
        operation_id="identity_role_assignments_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return assignments; flags effective, include_names, include_subtree."""
        http = request._request
        found = AssignmentManager(self.context).list(
            user_id=request._request.GET.get("user.id"),
            project_id=request._request.GET.get("scope.project.id"),
            role_id=request._request.GET.get("role.id"),
            include_subtree=is_flag_set(http, "include_subtree"),
            effective=is_flag_set(http, "effective"),
        )
        if any(request._request.GET.get(key) for key in NEVER):
            found = []
        names = is_flag_set(http, "include_names")
        lines = [assignment_body(http, one, names=names) for one in found]
        return whole(http, "role_assignments", lines)
