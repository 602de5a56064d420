"""/roles."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.roles import RoleCreate, RoleUpdate, extra_of, role_body
from identity.api.views import IdentityViewSet, described, given
from identity.manager import RoleManager
from identity.models import Role

HINTS = Hints(exact=("name",), others=("domain_id",))


class RoleViewSet(IdentityViewSet):
    """Named sets of rights."""

    manager = RoleManager

    @extend_schema(
        operation_id="identity_roles_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the roles of the whole cloud, or with domain_id those of a domain; hint name."""
        http = request._request
        rows = hinted(http, RoleManager(self.context).list(), HINTS)
        rows = rows.filter(domain_id=http.GET.get("domain_id") or None)
        return listed(http, "roles", rows, role_body)

    @extend_schema(operation_id="identity_roles_create", request=RoleCreate, responses={201: dict})
    def create(self, request: Request) -> Response:
        """Record a role."""
        body = self.wanted("role", RoleCreate)
        role = RoleManager(self.context).create(
            name=body.name,
            domain_id=body.domain_id,
            description=body.description or "",
            immutable=bool(body.options.immutable),
            extra=extra_of(body),
        )
        return self._answer(role, status=201)

    @extend_schema(operation_id="identity_roles_get", responses={200: dict})
    def retrieve(self, request: Request, role_id: str) -> Response:
        """Return one role."""
        return self._answer(RoleManager(self.context).get(role_id))

    @extend_schema(operation_id="identity_roles_update", request=RoleUpdate, responses={200: dict})
    def partial_update(self, request: Request, role_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("role", RoleUpdate)
        changes: dict[str, Any] = given(body, "name") | described(body)
        if extra := extra_of(body):
            changes["extra"] = extra
        fixed = given(body, "domain_id")
        return self._answer(RoleManager(self.context).update(role_id, fixed=fixed, **changes))

    @extend_schema(operation_id="identity_roles_delete", responses={204: None})
    def destroy(self, request: Request, role_id: str) -> Response:
        """Remove a role from the cloud and from everyone who has it."""
        RoleManager(self.context).delete(role_id)
        return empty(204)

    def _answer(self, role: Role, *, status: int = 200) -> Response:
        return Response({"role": role_body(self.request._request, role)}, status=status)
