"""/ports."""

from __future__ import annotations

from cloudweb.api.shown import Render
from network.api.resource import NounViewSet
from network.api.serializers.ports import PORT
from network.manager import PortManager
from network.models import Port
from network.rows import port_row


class PortViewSet(NounViewSet):
    """Ports."""

    manager = PortManager
    resource = PORT

    def renderer(self) -> Render:
        """Render the values of a list, and the model of one port as such."""
        render = super().renderer()
        return lambda port: render(port_row(port) if isinstance(port, Port) else port)
