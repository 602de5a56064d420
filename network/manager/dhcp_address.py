"""The address that a subnet's DHCP server answers from, where it needs one of its own."""

from __future__ import annotations

from cloudweb.addresses import parse_address
from network import ipam, states
from network.exceptions.ports import IpAddressGenerationFailure
from network.mac import random_mac
from network.models import Network, Port, PortAddress, Subnet
from network.resolution import needs_dhcp_address


def settle_dhcp(subnet: Subnet, *, fresh: bool = False) -> None:
    """Give the DHCP server an address of its own exactly where it needs one; it has none on a fresh subnet.

    In an isolated network it answers from the gateway, which each host holds itself. Without a
    gateway, or where the gateway is the provider's, a ``network:dhcp`` port keeps an address.
    """
    network = subnet.network
    held = PortAddress.objects.filter(subnet=subnet, port__device_owner=states.DHCP_OWNER)
    has = None if fresh else held.first()
    if not needs_dhcp_address(subnet, network, fresh=fresh):
        if has is not None:
            held.delete()
            ipam.give_back(subnet, parse_address(has.ip_address))
            drop_empty_dhcp_port(network)
        return
    if has is not None:
        return
    address = ipam.take_next(subnet)
    if address is None:
        raise IpAddressGenerationFailure(network.id)
    port = Port.objects.filter(network=network, device_owner=states.DHCP_OWNER).first()
    if port is None:
        port = Port.objects.create(
            project_id=network.project_id,
            network=network,
            mac_address=random_mac(),
            device_id=f"dhcp-{network.id}",
            device_owner=states.DHCP_OWNER,
            status=states.ACTIVE,
            port_security_enabled=False,
        )
    PortAddress.objects.create(port=port, subnet=subnet, ip_address=address)


def drop_empty_dhcp_port(network: Network) -> None:
    """Remove the network's DHCP port when it has no address left."""
    empty = Port.objects.filter(
        network=network, device_owner=states.DHCP_OWNER, addresses__isnull=True
    )
    empty.delete()
