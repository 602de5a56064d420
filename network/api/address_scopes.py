"""/address-scopes."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.address_scopes import ADDRESS_SCOPE
from network.manager import AddressScopeManager


class AddressScopeViewSet(NounViewSet):
    """Address scopes."""

    manager = AddressScopeManager
    resource = ADDRESS_SCOPE
