"""/OS-TRUST/trusts."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from cloudweb.times import parse_moment
from identity.api.lists import Hints, listed, one_shown
from identity.api.serializers.roles import RoleShown
from identity.api.serializers.trusts import TrustCreate, trust_body
from identity.api.views import IdentityViewSet
from identity.manager import TrustManager
from identity.manager.trusts import MOST_REDELEGATIONS

HINTS = Hints(others=("trustor_user_id", "trustee_user_id"))
ROLE_HINTS = Hints()


class TrustViewSet(IdentityViewSet):
    """What users delegate to each other."""

    manager = TrustManager

    @extend_schema(
        operation_id="identity_trusts_list", parameters=HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return one's trusts; hints trustor_user_id, trustee_user_id."""
        http = request._request
        rows = self.manager(self.context).list(
            trustor_user_id=http.GET.get("trustor_user_id"),
            trustee_user_id=http.GET.get("trustee_user_id"),
        )
        return listed(http, "trusts", rows, trust_body)

    @extend_schema(
        operation_id="identity_trusts_create", request=TrustCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Delegate roles."""
        body = self.wanted("trust", TrustCreate)
        count = body.redelegation_count
        if count is None:
            count = MOST_REDELEGATIONS
        trust = self.manager(self.context).create(
            trustor_user_id=body.trustor_user_id,
            trustee_user_id=body.trustee_user_id,
            impersonation=body.impersonation,
            project_id=body.project_id,
            roles=[role.wanted() for role in body.roles or ()],
            expires_at=parse_moment(body.expires_at, field="expires_at")
            if body.expires_at
            else None,
            remaining_uses=body.remaining_uses,
            redelegation_count=count if body.allow_redelegation else 0,
        )
        return Response({"trust": trust_body(request._request, trust)}, status=201)

    @extend_schema(operation_id="identity_trusts_get", responses={200: dict})
    def retrieve(self, request: Request, trust_id: str) -> Response:
        """Return one."""
        trust = self.manager(self.context).get(trust_id)
        return Response({"trust": trust_body(request._request, trust)})

    @extend_schema(operation_id="identity_trusts_delete", responses={204: None})
    def destroy(self, request: Request, trust_id: str) -> Response:
        """End it."""
        self.manager(self.context).delete(trust_id)
        return empty(204)

    @extend_schema(
        operation_id="identity_trust_roles_list",
        parameters=ROLE_HINTS.parameters,
        responses={200: dict},
    )
    def roles(self, request: Request, trust_id: str) -> Response:
        """Return the roles it delegates."""
        rows = self.manager(self.context).roles_of(trust_id)
        return listed(request._request, "roles", rows, RoleShown)

    @extend_schema(operation_id="identity_trust_roles_get", responses={200: dict})
    def role(self, request: Request, trust_id: str, role_id: str) -> Response:
        """Return one of them."""
        role = self.manager(self.context).role_of(trust_id, role_id)
        return Response({"role": one_shown(request._request, RoleShown, role)})
