"""The ways of making a network: a strategy for each type, which says what it needs and what it can do."""

from __future__ import annotations

from collections.abc import Mapping

from network.backend import is_ovn
from network.strategies.base import Strategy
from network.strategies.flat import Flat
from network.strategies.geneve import Geneve
from network.strategies.isolated import Isolated
from network.strategies.vlan import Vlan
from network.strategies.vxlan import Vxlan

#: By the kind that a network's row names.
STRATEGIES: Mapping[str, Strategy] = {
    strategy.kind: strategy
    for strategy in (Geneve() if is_ovn() else Isolated(), Flat(), Vlan(), Vxlan())
}
#: By the name that clients have for it.
TYPES: Mapping[str, Strategy] = {
    strategy.network_type: strategy
    for strategy in STRATEGIES.values()
    if not is_ovn() or strategy.kind != Vxlan.kind  # OVN's own tunnels are in their place
}

__all__ = ["STRATEGIES", "TYPES", "Strategy"]
