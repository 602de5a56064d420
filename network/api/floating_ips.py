"""/floatingips, and what their ports lead to."""

from __future__ import annotations

from network.api.resource import NounViewSet
from network.api.serializers.floating_ips import FLOATING_IP, PORT_FORWARDING
from network.manager import FloatingIpManager, PortForwardingManager


class FloatingIpViewSet(NounViewSet):
    """Floating IPs."""

    manager = FloatingIpManager
    resource = FLOATING_IP


class PortForwardingViewSet(NounViewSet):
    """The port forwardings of one floating IP."""

    manager = PortForwardingManager
    resource = PORT_FORWARDING
