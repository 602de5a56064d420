"""/ports."""

from __future__ import annotations

from network.api.resource import ResourceViewSet
from network.api.serializers.ports import PORT
from network.manager import PortManager


class PortViewSet(ResourceViewSet):
    """Ports."""

    manager = PortManager
    resource = PORT
