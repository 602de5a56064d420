"""Segments and gateways that stand as this process made them, so that a port's wiring need not make them anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from network.drivers.linuxbridge import namespaces
from network.drivers.linuxbridge.config import NetworkNames
from network.drivers.linuxbridge.gateway import Gateways
from network.drivers.linuxbridge.links import Links
from network.objects import NetworkWiring


@dataclass(frozen=True, slots=True)
class _Made:
    network: NetworkWiring
    facts: Sequence[object]


class Standing:
    """What was made for which picture of a network, and what the host looked like then.

    Who takes a link away, puts it elsewhere or lets a bridge's frames pass the filters is found out; who
    changes something inside a namespace is not.
    """

    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways
        self._made: dict[str, _Made] = {}

    def keep(self, network: NetworkWiring, names: NetworkNames) -> None:
        """All of it has just been made."""
        self._made[network.id] = _Made(network, self._facts(network, names))

    def forget(self, network_id: str) -> None:
        """Some of it is about to change."""
        self._made.pop(network_id, None)

    def holds(self, network: NetworkWiring, names: NetworkNames) -> bool:
        """Tell whether all of it is there, for this very picture."""
        made = self._made.get(network.id)
        if made is None or made.network != network:
            return False
        return made.facts == self._facts(network, names)

    def _facts(self, network: NetworkWiring, names: NetworkNames) -> Sequence[object]:
        with Links.open() as links:
            there = [
                links.find(name)
                for name in (names.bridge, names.leg, names.way_out, names.host_leg)
            ]
        home = namespaces.identity(names.namespace)
        return (*there, home, *self._gateways.facts(network))
