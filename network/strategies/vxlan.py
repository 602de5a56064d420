"""VXLAN (RFC 7348): networks with a number in tunnels between the hosts."""

from __future__ import annotations

from network.strategies.base import Strategy


class Vxlan(Strategy):
    """Needs nothing but IP between hosts; each holds the gateway for its own guests while no router does.

    Its 50 bytes are outer IPv4 (20), UDP (8) and VXLAN (8) headers and the inner Ethernet header (14).
    """

    kind = "vxlan"
    network_type = "vxlan"
    spans_hosts = True
    has_gateway = True
    has_wire = False
    numbers = range(1, 2**24)
    overhead = 50
