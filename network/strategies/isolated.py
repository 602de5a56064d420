"""Isolated networks: a wire of their own on each host that has a server of theirs."""

from __future__ import annotations

from network.strategies.base import Strategy


class Isolated(Strategy):
    """Needs nothing of the provider; its servers reach each other on one host alone."""

    kind = "isolated"
    network_type = "local"
    spans_hosts = False
    has_gateway = True
    has_wire = False
    is_joined = False
