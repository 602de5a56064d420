"""Flat networks: a wire of the provider's, as it is."""

from __future__ import annotations

from cloudweb.exceptions import InvalidInput
from network import conf
from network.strategies.base import WIRE, Strategy


class Flat(Strategy):
    """One network takes the whole wire; the gateway is the provider's, or the host where it translates."""

    kind = "flat"
    network_type = "flat"
    spans_hosts = False
    has_gateway = False
    has_wire = True
    is_for_tenants = False

    def check(self, *, physical_network: str, segmentation_id: int | None) -> None:
        """Raise InvalidInput unless the wire is named."""
        super().check(physical_network=physical_network, segmentation_id=segmentation_id)
        if not physical_network:
            raise InvalidInput(
                field=WIRE,
                value=physical_network,
                reason=f"A flat network needs one of: {', '.join(conf.PHYSICAL_NETWORKS)}.",
            )
