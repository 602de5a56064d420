"""What a way of making networks has to say about itself."""

from __future__ import annotations

from abc import ABC
from collections.abc import Collection
from typing import ClassVar

from cloudweb.exceptions import InvalidInput
from network import conf

TYPE, WIRE, NUMBER, MTU = (
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "mtu",
)


class Strategy(ABC):
    """A type of network.

    ``spans_hosts``: all hosts share one wire, so a router serves the servers of every host.
    ``has_gateway``: each host holds the gateway's address for its own guests while no router does.
    ``is_joined``: a host needs something set up to reach others by it. ``is_for_tenants``: nobody has to
    say more than the type. ``numbers``: which numbers tell its networks apart, None where none does.
    ``overhead``: what each packet on the wire carries besides.
    """

    kind: ClassVar[str]
    network_type: ClassVar[str]
    spans_hosts: ClassVar[bool]
    has_gateway: ClassVar[bool]
    has_wire: ClassVar[bool]
    is_joined: ClassVar[bool] = True
    is_for_tenants: ClassVar[bool] = True
    numbers: ClassVar[range | None] = None
    overhead: ClassVar[int] = 0

    def check(self, *, physical_network: str, segmentation_id: int | None) -> None:
        """Raise InvalidInput for a wire or number that a network of this type cannot have."""
        if physical_network and not self.has_wire:
            raise InvalidInput(
                field=WIRE,
                value=physical_network,
                reason=f"A {self.network_type} network has none.",
            )
        if physical_network and physical_network not in conf.PHYSICAL_NETWORKS:
            raise InvalidInput(
                field=WIRE,
                value=physical_network,
                reason=f"A {self.network_type} network needs one of: "
                f"{', '.join(conf.PHYSICAL_NETWORKS)}.",
            )
        if segmentation_id is not None:
            self._check_number(segmentation_id)

    def is_joined_by(
        self, network_types: Collection[str], wires: Collection[str], physical_network: str
    ) -> bool:
        """Tell whether a host that says this of itself can serve a network of this type."""
        on_wire = physical_network in wires if self.has_wire else True
        return not self.is_joined or (self.network_type in network_types and on_wire)

    def _check_number(self, number: int) -> None:
        if self.numbers is None:
            raise InvalidInput(
                field=NUMBER, value=number, reason=f"A {self.network_type} network has none."
            )
        if number not in self.numbers:
            raise InvalidInput(
                field=NUMBER,
                value=number,
                reason=f"That of a {self.network_type} network is "
                f"{self.numbers[0]} to {self.numbers[-1]}.",
            )

    def mtu(self, wanted: int | None) -> int:
        """Return the MTU of a network that asks for this or none; raise InvalidInput when it is too large."""
        largest = conf.MTU - self.overhead
        if wanted and self.numbers is not None and wanted > largest:
            raise InvalidInput(
                field=MTU,
                value=wanted,
                reason=f"A {self.network_type} network carries {largest} at most.",
            )
        return wanted or largest
