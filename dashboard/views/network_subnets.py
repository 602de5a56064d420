"""Subnets of a network: added and deleted."""

from __future__ import annotations

from typing import Any

from cloudweb.addresses import parse_block
from dashboard.views.box import Box
from dashboard.views.detail_page import Press
from dashboard.views.network import NetworkPage
from network.exceptions.subnets import SubnetNotFound
from network.manager import SubnetManager
from network.manager.private_network import fitting_mode


class AddSubnet(Box, NetworkPage):
    """Give a network one more block of addresses."""

    box = "subnet"

    def effect(self, said: dict[str, Any]) -> str:
        """Add it."""
        mode = said.pop("ipv6_ra_mode") or fitting_mode(said["cidr"]) if _has_modes(said) else ""
        gateway = said.pop("gateway_ip")
        about = {**said, "ipv6_ra_mode": mode, "ipv6_address_mode": mode}
        if gateway:
            about["gateway_ip"] = gateway
        SubnetManager(self.context).create(network_id=self.key, **about)
        return f"{said['cidr']} was added."


class DeleteSubnet(Press, NetworkPage):
    """Take a block away."""

    def effect(self, **about: Any) -> str:
        """Delete it; only one of this network."""
        manager = SubnetManager(self.context)
        subnet = manager.get(about["subnet_id"])
        if str(subnet.network_id) != self.key:
            raise SubnetNotFound(subnet.id)
        manager.delete(subnet.id)
        return f"{subnet.cidr} was deleted."


def _has_modes(said: dict[str, Any]) -> bool:
    """Tell whether servers can be told by routers and DHCPv6 how to get addresses."""
    return parse_block(said["cidr"]).version == 6 and said["enable_dhcp"]
