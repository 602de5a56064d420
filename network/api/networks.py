"""/networks."""

from __future__ import annotations

from network.api.resource import ResourceViewSet
from network.api.serializers.networks import NETWORK
from network.manager import NetworkManager


class NetworkViewSet(ResourceViewSet):
    """Networks."""

    manager = NetworkManager
    resource = NETWORK
