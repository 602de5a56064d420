"""/OS-FEDERATION/identity_providers/{id}/protocols, and the log-in below each."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error
from cloudweb.api.views import ServiceViewSet
from identity.api.resource import NamedViewSet
from identity.api.serializers.federation import PROTOCOL
from identity.api.serializers.tokens import token_body
from identity.api.tokens import DOMAINS, PROJECTS, TOKEN, OwnScopesViewSet
from identity.api.views import stranger
from identity.manager import FederationManager, ProtocolManager

BEARER = OpenApiParameter(
    "Authorization", str, OpenApiParameter.HEADER, description="Bearer and the provider's token."
)
ISSUED = OpenApiParameter(
    "X-Subject-Token", str, OpenApiParameter.HEADER, required=True, response=[201]
)


class ProtocolViewSet(NamedViewSet):
    """How a provider is spoken to."""

    manager = ProtocolManager
    resource = PROTOCOL


class FederatedAuthViewSet(ServiceViewSet):
    """…/auth: a provider's token for one of ours."""

    manager = FederationManager

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Log in without a token of ours, whatever a client sends along."""
        return []

    def get_permissions(self) -> list[BasePermission]:
        """Let anyone log in."""
        return [AllowAny()]

    @extend_schema(
        operation_id="identity_federated_auth",
        parameters=[BEARER, ISSUED],
        request=None,
        responses={201: TOKEN, 401: Error, 503: Error},
    )
    def create(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Return an unscoped token for the bearer token in the header Authorization."""
        http = request._request
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        bearer = text.strip() if kind.lower() == "bearer" else None
        issued = FederationManager(stranger(http)).token(provider_id, protocol, bearer)
        headers = {"X-Subject-Token": issued.token.signed(), "Vary": "X-Auth-Token"}
        return Response(token_body(http, issued, None), status=201, headers=headers)

    @extend_schema(
        operation_id="identity_federated_auth_get",
        parameters=[BEARER, ISSUED],
        request=None,
        responses={201: TOKEN, 401: Error, 503: Error},
    )
    def show(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Do the same by GET, as older clients ask."""
        return self.create(request, provider_id, protocol)


class FederatedScopesViewSet(OwnScopesViewSet):
    """/OS-FEDERATION/projects and /domains: older names of what is under /auth."""

    @extend_schema(operation_id="identity_federated_projects_list", responses={200: PROJECTS})
    def projects(self, request: Request) -> Response:
        """Return the projects the caller has a role on."""
        return super().projects(request)

    @extend_schema(operation_id="identity_federated_domains_list", responses={200: DOMAINS})
    def domains(self, request: Request) -> Response:
        """Return the domains the caller has a role on."""
        return super().domains(request)
