"""/OS-FEDERATION/identity_providers/{id}/protocols, and the log-in below each."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error
from cloudweb.api.auth import remote_address
from cloudweb.api.views import empty
from cloudweb.context import RequestContext
from identity.api.lists import Hints, listed
from identity.api.serializers.federation import (
    ProtocolCreate,
    ProtocolUpdate,
    new_id,
    protocol_body,
    same_id,
)
from identity.api.serializers.tokens import token_body
from identity.api.tokens import OwnScopesViewSet
from identity.api.views import IdentityViewSet, given
from identity.manager import FederationManager, ProtocolManager
from identity.models import Protocol

BEARER = OpenApiParameter(
    "Authorization", str, OpenApiParameter.HEADER, description="Bearer and the provider's token."
)
ISSUED = OpenApiParameter(
    "X-Subject-Token", str, OpenApiParameter.HEADER, required=True, response=[201]
)


class ProtocolViewSet(IdentityViewSet):
    """How a provider is spoken to."""

    manager = ProtocolManager

    @extend_schema(
        operation_id="identity_protocols_list", parameters=Hints().parameters, responses={200: dict}
    )
    def list(self, request: Request, provider_id: str) -> Response:
        """Return the protocols of a provider."""
        rows = ProtocolManager(self.context).list(provider_id)
        return listed(request._request, "protocols", rows, protocol_body)

    @extend_schema(
        operation_id="identity_protocols_create", request=ProtocolCreate, responses={201: dict}
    )
    def create(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Record a protocol."""
        body = self.wanted("protocol", ProtocolCreate)
        row = ProtocolManager(self.context).create(
            provider_id=provider_id,
            name=new_id(protocol, body.id),
            mapping_id=body.mapping_id,
            remote_id_attribute=body.remote_id_attribute or "",
        )
        return self._answer(row, status=201)

    @extend_schema(operation_id="identity_protocols_get", responses={200: dict})
    def retrieve(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Return one protocol."""
        return self._answer(ProtocolManager(self.context).get(provider_id, protocol))

    @extend_schema(
        operation_id="identity_protocols_update", request=ProtocolUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Change its mapping."""
        body = self.wanted("protocol", ProtocolUpdate)
        same_id(protocol, body.id)
        changes: dict[str, Any] = given(body, "mapping_id")
        if "remote_id_attribute" in body.model_fields_set:
            changes["remote_id_attribute"] = body.remote_id_attribute or ""
        row = ProtocolManager(self.context).update(provider_id, protocol, **changes)
        return self._answer(row)

    @extend_schema(operation_id="identity_protocols_delete", responses={204: None})
    def destroy(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Remove a protocol."""
        ProtocolManager(self.context).delete(provider_id, protocol)
        return empty(204)

    def _answer(self, row: Protocol, *, status: int = 200) -> Response:
        return Response({"protocol": protocol_body(self.request._request, row)}, status=status)


class FederatedAuthViewSet(IdentityViewSet):
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
        responses={201: dict, 401: Error, 503: Error},
    )
    def create(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Return an unscoped token for the bearer token in the header Authorization."""
        http = request._request
        anonymous = RequestContext(
            request_id=getattr(http, "request_id", ""), remote_address=remote_address(http)
        )
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        bearer = text.strip() if kind.lower() == "bearer" else None
        issued = FederationManager(anonymous).token(provider_id, protocol, bearer)
        headers = {"X-Subject-Token": issued.token.signed(), "Vary": "X-Auth-Token"}
        return Response(token_body(http, issued, None), status=201, headers=headers)

    @extend_schema(
        operation_id="identity_federated_auth_get",
        parameters=[BEARER, ISSUED],
        request=None,
        responses={201: dict, 401: Error, 503: Error},
    )
    def show(self, request: Request, provider_id: str, protocol: str) -> Response:
        """Do the same by GET, as older clients ask."""
        return self.create(request, provider_id, protocol)


class FederatedScopesViewSet(OwnScopesViewSet):
    """/OS-FEDERATION/projects and /domains: older names of what is under /auth."""

    @extend_schema(operation_id="identity_federated_projects_list", responses={200: dict})
    def projects(self, request: Request) -> Response:
        """Return the projects the caller has a role on."""
        return super().projects(request)

    @extend_schema(operation_id="identity_federated_domains_list", responses={200: dict})
    def domains(self, request: Request) -> Response:
        """Return the domains the caller has a role on."""
        return super().domains(request)
