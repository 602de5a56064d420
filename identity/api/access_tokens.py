"""/users/{id}/OS-OAUTH1/access_tokens."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, listed, one_shown
from identity.api.serializers.oauth1 import access_token_body
from identity.api.serializers.roles import RoleShown
from identity.api.views import IdentityViewSet
from identity.manager import AccessTokenManager

HINTS = Hints()


class AccessTokenViewSet(IdentityViewSet):
    """Which consumers act for a user."""

    manager = AccessTokenManager

    @extend_schema(
        operation_id="identity_access_tokens_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request, user_id: str) -> Response:
        """Return a user's access tokens."""
        rows = self.manager(self.context).list(user_id)
        return listed(request._request, "access_tokens", rows, access_token_body)

    @extend_schema(operation_id="identity_access_tokens_get", responses={200: dict})
    def retrieve(self, request: Request, user_id: str, token_id: str) -> Response:
        """Return one."""
        row = self.manager(self.context).get(user_id, token_id)
        return Response({"access_token": access_token_body(request._request, row)})

    @extend_schema(operation_id="identity_access_tokens_delete", responses={204: None})
    def destroy(self, request: Request, user_id: str, token_id: str) -> Response:
        """Let the consumer act no longer."""
        self.manager(self.context).delete(user_id, token_id)
        return empty(204)

    @extend_schema(
        operation_id="identity_access_token_roles_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def roles(self, request: Request, user_id: str, token_id: str) -> Response:
        """Return the roles with which the consumer acts."""
        rows = self.manager(self.context).roles_of(user_id, token_id)
        return listed(request._request, "roles", rows, RoleShown)

    @extend_schema(operation_id="identity_access_token_roles_get", responses={200: dict})
    def role(self, request: Request, user_id: str, token_id: str, role_id: str) -> Response:
        """Return one of them."""
        found = self.manager(self.context).role_of(user_id, token_id, role_id)
        return Response({"role": one_shown(request._request, RoleShown, found)})
