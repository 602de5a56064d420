"""/OS-FEDERATION/identity_providers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.federation import (
    ProviderCreate,
    ProviderUpdate,
    new_id,
    provider_body,
)
from identity.api.views import IdentityViewSet, given
from identity.manager import IdentityProviderManager
from identity.models import IdentityProvider

HINTS = Hints(exact=("id",), flags=("enabled",))


class IdentityProviderViewSet(IdentityViewSet):
    """Who else may vouch for users."""

    manager = IdentityProviderManager

    @extend_schema(
        operation_id="identity_identity_providers_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the providers; hints id and enabled."""
        http = request._request
        rows = IdentityProviderManager(self.context).list()
        rows = hinted(http, rows, HINTS)
        return listed(http, "identity_providers", rows, provider_body)

    @extend_schema(
        operation_id="identity_identity_providers_create",
        request=ProviderCreate,
        responses={201: dict},
    )
    def create(self, request: Request, provider_id: str) -> Response:
        """Record a provider; without a domain it gets one of its own."""
        body = self.wanted("identity_provider", ProviderCreate)
        provider = IdentityProviderManager(self.context).create(
            provider_id=new_id(provider_id, body.id),
            domain_id=body.domain_id,
            description=body.description or "",
            enabled=body.enabled,
            remote_ids=[*(body.remote_ids or ())],
            authorization_ttl=body.authorization_ttl,
        )
        return self._answer(provider, status=201)

    @extend_schema(operation_id="identity_identity_providers_get", responses={200: dict})
    def retrieve(self, request: Request, provider_id: str) -> Response:
        """Return one provider."""
        return self._answer(IdentityProviderManager(self.context).get(provider_id))

    @extend_schema(
        operation_id="identity_identity_providers_update",
        request=ProviderUpdate,
        responses={200: dict},
    )
    def partial_update(self, request: Request, provider_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("identity_provider", ProviderUpdate)
        changes: dict[str, Any] = given(body, "enabled", "authorization_ttl")
        if "description" in body.model_fields_set:
            changes["description"] = body.description or ""
        if "remote_ids" in body.model_fields_set:
            changes["remote_ids"] = [*(body.remote_ids or ())]
        return self._answer(IdentityProviderManager(self.context).update(provider_id, **changes))

    @extend_schema(operation_id="identity_identity_providers_delete", responses={204: None})
    def destroy(self, request: Request, provider_id: str) -> Response:
        """Remove a provider; its users stay, locked out."""
        IdentityProviderManager(self.context).delete(provider_id)
        return empty(204)

    def _answer(self, provider: IdentityProvider, *, status: int = 200) -> Response:
        body = provider_body(self.request._request, provider)
        return Response({"identity_provider": body}, status=status)
