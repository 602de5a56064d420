"""/users/{id}/OS-OAUTH1/access_tokens."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.resource import NounViewSet
from identity.api.serializers.oauth1 import ACCESS_TOKEN
from identity.api.serializers.roles import SOME_ROLES
from identity.manager import AccessTokenManager


class AccessTokenViewSet(NounViewSet):
    """Which consumers act for a user."""

    manager = AccessTokenManager
    resource = ACCESS_TOKEN


class AccessTokenRoleViewSet(NounViewSet):
    """The roles with which a consumer acts."""

    manager = AccessTokenManager
    resource = SOME_ROLES
    called = "access_token_roles"

    def list(self, request: Request, **path: str) -> Response:
        """Return the roles with which the consumer acts."""
        return self.page_of(AccessTokenManager(self.context).roles_of, *path.values())

    def retrieve(self, request: Request, **path: str) -> Response:
        """Return one of them."""
        return self.answer(AccessTokenManager(self.context).role_of(*path.values()))
