"""Addresses that guests make themselves from their MAC addresses: they come and go with subnets and MACs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from cloudweb.addresses import parse_address
from cloudweb.database.uuids import Among
from network import ipam, news, states
from network.manager.addressing import Addressing
from network.members import own_block
from network.models import Port, PortAddress, PortSecurityGroup, Subnet
from network.models.subnet import SELF_ADDRESSING
from network.moved import ports_moved

BATCH = 1000


def unaddressed(subnet: Subnet) -> QuerySet[Port]:
    """Return the ports that make themselves an address on a subnet, and have none there."""
    there = PortAddress.objects.filter(port=OuterRef("id"), subnet=subnet)
    ports = Port.objects.filter(~Exists(there), network=subnet.network_id)
    ports = ports.exclude(device_owner__in=states.UNADDRESSED_OWNERS)
    return ports.filter(device_owner__in=subnet.service_types) if subnet.service_types else ports


def address_ports(subnet: Subnet) -> int:
    """Give each port of the network the address that its guest makes itself; return how many got one.

    The caller has raised the network's wiring and tells its hosts.
    """
    wanted = {
        port: ipam.self_made_address(subnet, port.mac_address) for port in unaddressed(subnet)
    }
    held = PortAddress.objects.filter(subnet=subnet).values_list("ip_address", flat=True)
    taken = {*held} if wanted else set()
    fresh = {port: address for port, address in wanted.items() if address not in taken}
    for address in fresh.values():
        ipam.take(subnet, parse_address(address))
    PortAddress.objects.bulk_create(
        (
            PortAddress(port=port, subnet=subnet, ip_address=address)
            for port, address in fresh.items()
        ),
        batch_size=BATCH,
    )
    _touched(subnet.network_id, {port.id: [address] for port, address in fresh.items()})
    return len(fresh)


def take_from_ports(subnet: Subnet) -> None:
    """Take the subnet's addresses from all ports; the caller drops the subnet and tells the hosts."""
    rows = PortAddress.objects.filter(subnet=subnet)
    gone = dict[UUID, list[str]]()
    for port_id, address in rows.values_list("port", "ip_address"):
        gone.setdefault(port_id, []).append(address)
    rows.delete()
    _touched(subnet.network_id, gone)


def remake_addresses(port: Port, *, old_mac: str) -> None:
    """Replace what a port made itself of its former MAC address."""
    former = Addressing(port.network, old_mac, owner=port.device_owner)
    gone = [row for row in port.addresses.all() if former.is_self_made(row)]
    PortAddress.objects.filter(id__in=[row.id for row in gone]).delete()
    former.give_back(gone)
    kept = [*PortAddress.objects.filter(port=port)]
    now = Addressing(port.network, port.mac_address, owner=port.device_owner)
    PortAddress.objects.bulk_create(
        PortAddress(port=port, subnet=one.subnet, ip_address=one.ip_address)
        for one in now.choose((), kept=kept)
    )


def lacking() -> list[Subnet]:
    """Return the subnets on which a port lacks the address that its guest makes itself."""
    modes = Q(ipv6_ra_mode__in=SELF_ADDRESSING) | Q(ipv6_address_mode__in=SELF_ADDRESSING)
    there = PortAddress.objects.filter(port=OuterRef("id"), subnet=OuterRef(OuterRef("id")))
    ports = Port.objects.filter(~Exists(there), network=OuterRef("network"))
    ports = ports.exclude(device_owner__in=states.UNADDRESSED_OWNERS)
    rows = Subnet.objects.filter(modes, Exists(ports), ip_version=6)
    return [subnet for subnet in rows if unaddressed(subnet).exists()]


def _touched(network_id: UUID, addresses: Mapping[UUID, Collection[str]]) -> None:
    """Write down that ports have other addresses, and tell the hosts whose filters name their groups."""
    if not addresses:
        return
    ids = [str(port_id) for port_id in addresses]
    Port.objects.filter(Among("id", ids)).touch()
    ports_moved(*Port.objects.filter(Among("id", ids)).bound().select_related("network"))
    members = PortSecurityGroup.objects.filter(Among("port_id", ids))
    groups = {*members.values_list("security_group", flat=True)}
    blocks = {own_block(address) for found in addresses.values() for address in found}
    news.blocks_changed(network_id, groups, blocks=blocks)
