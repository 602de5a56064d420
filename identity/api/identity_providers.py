"""/OS-FEDERATION/identity_providers."""

from __future__ import annotations

from identity.api.resource import NamedViewSet
from identity.api.serializers.federation import PROVIDER
from identity.manager import IdentityProviderManager


class IdentityProviderViewSet(NamedViewSet):
    """Who else may vouch for users."""

    manager = IdentityProviderManager
    resource = PROVIDER
