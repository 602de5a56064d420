"""/policies."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.policies import PolicyCreate, PolicyUpdate, extra_of, policy_body
from identity.api.views import IdentityViewSet, given
from identity.manager import PolicyManager
from identity.models import Policy

HINTS = Hints(exact=("type",))


class PolicyViewSet(IdentityViewSet):
    """Documents that other services keep here."""

    manager = PolicyManager

    @extend_schema(
        operation_id="identity_policies_list", parameters=HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return the policies; hint type."""
        http = request._request
        rows = hinted(http, self.manager(self.context).list(), HINTS)
        return listed(http, "policies", rows, policy_body)

    @extend_schema(
        operation_id="identity_policies_create", request=PolicyCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Record a policy."""
        body = self.wanted("policy", PolicyCreate)
        made = self.manager(self.context).create(
            type=body.type, blob=body.blob, extra=extra_of(body)
        )
        return self._answer(made, status=201)

    @extend_schema(operation_id="identity_policies_get", responses={200: dict})
    def retrieve(self, request: Request, policy_id: str) -> Response:
        """Return one policy."""
        return self._answer(self.manager(self.context).get(policy_id))

    @extend_schema(
        operation_id="identity_policies_update", request=PolicyUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, policy_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("policy", PolicyUpdate)
        changes: dict[str, Any] = given(body, "type", "blob")
        if extra := extra_of(body):
            changes["extra"] = extra
        return self._answer(self.manager(self.context).update(policy_id, **changes))

    @extend_schema(operation_id="identity_policies_delete", responses={204: None})
    def destroy(self, request: Request, policy_id: str) -> Response:
        """Remove a policy."""
        self.manager(self.context).delete(policy_id)
        return empty(204)

    def _answer(self, policy: Policy, *, status: int = 200) -> Response:
        body = policy_body(self.request._request, policy)
        return Response({"policy": body}, status=status)
