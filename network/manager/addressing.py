"""Which addresses a port gets: what was asked for, checked, and the rest from the pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from cloudweb.addresses import parse_address, parse_block
from cloudweb.database.prepared import Given, Prepared
from network import ipam, states
from network.exceptions.ports import (
    AllocationOnAutoAddressSubnet,
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
)
from network.exceptions.subnets import SubnetNotFound
from network.models import Network, PortAddress, Subnet

_SUBNETS = Prepared(
    lambda: Subnet.objects.filter(network=Given("network")).order_by("created_at", "id")
)
#: What a caller asks for: {"subnet_id"}, {"ip_address"} or both.
Wish = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Chosen:
    """An address for a port; ``fixed`` ones are no other's choice: taken means refused."""

    subnet: Subnet
    ip_address: str
    fixed: bool


class Addressing:
    """The addresses of one port on one network. Call it inside a transaction.

    ``owner``: of the device, by which subnets are chosen.
    """

    def __init__(
        self, network: Network, mac: str, *, owner: str = "", as_gateway: bool = False
    ) -> None:
        self.network, self.mac, self.owner, self.as_gateway = network, mac, owner, as_gateway
        self.subnets = _SUBNETS.rows(network=network.id)

    def choose(
        self, wishes: Sequence[Wish] | None, *, kept: Sequence[PortAddress] = ()
    ) -> list[Chosen]:
        """Take the wished addresses; without wishes one of each IP version.

        Those that a guest makes itself come with both, as it will make them. ``kept`` are there already.
        Raises IpAddressGenerationFailure, InvalidIpForNetwork, InvalidIpForSubnet, SubnetNotFound,
        IpAddressAlreadyAllocated, AllocationOnAutoAddressSubnet.
        """
        chosen = [] if wishes is not None else self._by_default()
        for wish in wishes or ():
            found = self._wished(wish)
            if any(found.ip_address == other.ip_address for other in chosen):
                raise InvalidIpForSubnet(found.ip_address)
            chosen.append(found)
        there = {one.subnet.id for one in chosen} | {row.subnet_id for row in kept}
        return chosen + [
            self._self_made(subnet) for subnet in self.self_addressing() if subnet.id not in there
        ]

    def self_addressing(self) -> list[Subnet]:
        """Return the subnets where this port makes itself an address."""
        if self.owner in states.UNADDRESSED_OWNERS or self.as_gateway:
            return []
        made = [subnet for subnet in self.subnets if subnet.is_self_addressing]
        return fitting(made, owner=self.owner) if made else made

    def is_self_made(self, row: PortAddress) -> bool:
        """Tell whether the port made itself this address of its."""
        return any(
            subnet.id == row.subnet_id
            and ipam.self_made_address(subnet, self.mac) == row.ip_address
            for subnet in self.self_addressing()
        )

    def with_mac(self, mac: str, chosen: Sequence[Chosen]) -> list[Chosen]:
        """Make the self-made ones anew from another MAC address."""
        mine = {subnet.id for subnet in self.self_addressing()}
        old = [one for one in chosen if one.subnet.id in mine]
        for one in old:
            ipam.give_back(one.subnet, parse_address(one.ip_address))
        self.mac = mac
        return [self._self_made(one.subnet) if one in old else one for one in chosen]

    def again(self, chosen: Sequence[Chosen]) -> list[Chosen]:
        """Replace the addresses another port was faster to get; raise for those that were fixed."""
        return [self._retaken(one) if _is_held(one) else one for one in chosen]

    def give_back(self, held: Sequence[PortAddress]) -> None:
        """Make the addresses of removed rows free again."""
        by_id = {subnet.id: subnet for subnet in self.subnets}
        for row in held:
            ipam.give_back(by_id[row.subnet_id], parse_address(row.ip_address))

    def _by_default(self) -> list[Chosen]:
        chosen = []
        for version in (4, 6):
            pooled = [
                subnet
                for subnet in self.subnets
                if subnet.ip_version == version and not subnet.is_self_addressing
            ]
            if pooled:
                chosen.append(self._from_pools(fitting(pooled, owner=self.owner)))
        return chosen

    def _from_pools(self, subnets: Sequence[Subnet]) -> Chosen:
        for subnet in subnets:
            address = ipam.take_next(subnet)
            if address is not None:
                return Chosen(subnet, address, fixed=False)
        raise IpAddressGenerationFailure(self.network.id)

    def _self_made(self, subnet: Subnet) -> Chosen:
        address = ipam.self_made_address(subnet, self.mac)
        ipam.take(subnet, parse_address(address))
        return Chosen(subnet, address, fixed=True)

    def _wished(self, wish: Wish) -> Chosen:
        subnet = self._named(wish["subnet_id"]) if wish.get("subnet_id") else None
        text = wish.get("ip_address")
        if not text:
            assert subnet is not None
            return (
                self._self_made(subnet) if subnet.is_self_addressing else self._from_pools([subnet])
            )
        return self._exactly(text, subnet)

    def _named(self, subnet_id: str) -> Subnet:
        for subnet in self.subnets:
            if subnet.id == UUID(str(subnet_id)):
                return subnet
        raise SubnetNotFound(subnet_id)

    def _exactly(self, text: str, subnet: Subnet | None) -> Chosen:
        try:
            address = parse_address(text)
        except ValueError as error:
            raise InvalidIpForNetwork(text) from error
        if subnet is None:
            homes = [one for one in self.subnets if address in parse_block(one.cidr)]
            if not homes:
                raise InvalidIpForNetwork(text)
            subnet = homes[0]
        block = parse_block(subnet.cidr)
        edges = block.version == 4 and block.prefixlen < 31
        if address not in block or (
            edges and address in (block.network_address, block.broadcast_address)
        ):
            raise InvalidIpForSubnet(text)
        if subnet.is_self_addressing and not self.as_gateway:
            if str(address) != ipam.self_made_address(subnet, self.mac):
                raise AllocationOnAutoAddressSubnet(str(address), subnet_id=subnet.id)
        elif str(address) == subnet.gateway_ip and not self.as_gateway:
            raise IpAddressAlreadyAllocated(str(address), subnet_id=subnet.id)
        chosen = Chosen(subnet, str(address), fixed=True)
        if _is_held(chosen):
            raise IpAddressAlreadyAllocated(chosen.ip_address, subnet_id=subnet.id)
        ipam.take(subnet, address)
        return chosen

    def _retaken(self, lost: Chosen) -> Chosen:
        if lost.fixed:
            raise IpAddressAlreadyAllocated(lost.ip_address, subnet_id=lost.subnet.id)
        return self._from_pools([lost.subnet])


def fitting(subnets: Sequence[Subnet], *, owner: str) -> list[Subnet]:
    """Return those for such a device: first the ones that name its owner, then those that name none."""
    named = [subnet for subnet in subnets if owner in subnet.service_types]
    return named + [subnet for subnet in subnets if not subnet.service_types]


def _is_held(chosen: Chosen) -> bool:
    return PortAddress.objects.filter(subnet=chosen.subnet, ip_address=chosen.ip_address).exists()
