"""VLANs (IEEE 802.1Q): networks with a number on a wire of the provider's."""

from __future__ import annotations

from cloudweb.exceptions import InvalidInput
from network.strategies.base import WIRE, Strategy


class Vlan(Strategy):
    """The gateway is a router's or the provider's: both are on the wire, so hosts hold none."""

    kind = "vlan"
    network_type = "vlan"
    spans_hosts = True
    has_gateway = False
    has_wire = True
    numbers = range(1, 4095)

    def check(self, *, physical_network: str, segmentation_id: int | None) -> None:
        """Raise InvalidInput for a number without its wire; without both they are chosen."""
        super().check(physical_network=physical_network, segmentation_id=segmentation_id)
        if segmentation_id is not None and not physical_network:
            raise InvalidInput(
                field=WIRE, value=physical_network, reason="A VLAN's number is one of a wire."
            )
