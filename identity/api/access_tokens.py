"""/users/{id}/OS-OAUTH1/access_tokens."""

from __future__ import annotations

from identity.api.resource import NounViewSet, listed, told
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
    list = listed(AccessTokenManager.roles_of)
    retrieve = told(AccessTokenManager.role_of)
