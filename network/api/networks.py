"""/networks."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.networks import NETWORK
from network.manager import NetworkManager


class NetworkViewSet(NounViewSet):
    """Networks."""

    manager = NetworkManager
    resource = NETWORK
