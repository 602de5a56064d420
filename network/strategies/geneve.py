"""Geneve (RFC 8926): what OVN joins hosts by."""

from __future__ import annotations

from network.ovn_names import OVERHEAD
from network.strategies.base import Strategy


class Geneve(Strategy):
    """Needs nothing but IP between hosts; OVN numbers its networks itself. The gateway is a router's, on every host.

    It stands where a network of one host stands without OVN: what tenants get unasked.
    """

    kind = "isolated"
    network_type = "geneve"
    spans_hosts = True
    has_gateway = False
    has_wire = False
    overhead = OVERHEAD
