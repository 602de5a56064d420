"""/OS-TRUST/trusts."""

from __future__ import annotations

from functools import partial

from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.resource import NounViewSet, listed, told
from identity.api.serializers.roles import SOME_ROLES
from identity.api.serializers.trusts import TRUST
from identity.manager import TrustManager


class TrustViewSet(NounViewSet):
    """What users delegate to each other."""

    manager = TrustManager
    resource = TRUST

    def list(self, request: Request) -> Response:
        """Return one's trusts; hints trustor_user_id, trustee_user_id."""
        asked = {name: request._request.GET.get(name) for name in TRUST.filters}
        return self.page_of(partial(TrustManager(self.context).list, **asked))


class TrustRoleViewSet(NounViewSet):
    """The roles that a trust delegates."""

    manager = TrustManager
    resource = SOME_ROLES
    called = "trust_roles"
    list = listed(TrustManager.roles_of)
    retrieve = told(TrustManager.role_of)
