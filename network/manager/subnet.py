"""Subnets: blocks of addresses, and the one that the DHCP server answers from."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction

from cloudweb.addresses import parse_address, parse_block
from cloudweb.database.prepared import Given, Prepared, insert
from cloudweb.exceptions import BadRequest, InvalidInput, PolicyNotAuthorized
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from network import ipam, news, quota, states
from network.exceptions.networks import NetworkNotFound
from network.exceptions.ports import IpAddressAlreadyAllocated
from network.exceptions.subnets import (
    GatewayConflictWithAllocationPools,
    InvalidAllocationPool,
    OutOfBoundsAllocationPool,
    OverlappingAllocationPools,
    SubnetInUse,
    SubnetNotFound,
)
from network.manager.automatic_addresses import address_ports, lacking, take_from_ports
from network.manager.dhcp_address import drop_empty_dhcp_port, settle_dhcp
from network.manager.pool_allocation import BlockWish, allocate, check_affinity, find_pool
from network.manager.seen_network import seen_network
from network.manager.standard import Identifier, StandardManager, number
from network.manager.subnet_checks import check_mtu
from network.models import Network, PortAddress, Subnet, SubnetPool

#: Stands for "not said", where None says "none".
UNSET: Any = object()
#: Whose address keeps a subnet where guests make theirs themselves.
KEEPING = (states.INTERFACE_OWNER, states.FLOATING_OWNER)
#: What the owners of devices begin with.
OWNERS = ("compute:", "network:", "baremetal:", "neutron:", "trunk:")
WIRED = ("gateway_ip", "enable_dhcp", "dns_nameservers", "host_routes")
Pool = Mapping[str, str]
Block = ipam.Network


class SubnetChanges(TypedDict, total=False):
    """What may change on a subnet; a gateway of None takes it away."""

    name: str
    description: str
    gateway_ip: str | None
    enable_dhcp: bool
    allocation_pools: Sequence[Pool]
    dns_nameservers: Sequence[str]
    host_routes: Sequence[Mapping[str, str]]
    service_types: Sequence[str]


class SubnetManager(StandardManager[Subnet]):
    """Subnets of the caller's project, and those of shared networks."""

    model = Subnet
    missing = SubnetNotFound

    @policy("network:subnets:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Subnet]:
        """Return own subnets and those of shared networks."""
        return self._page(listing)

    @policy("network:subnets:get")
    def get(self, subnet_id: Identifier) -> Subnet:
        """Return a subnet; raise SubnetNotFound."""
        return self._get(subnet_id)

    @policy("network:subnets:create")
    def create(
        self,
        *,
        network_id: Identifier,
        cidr: str | None = None,
        prefixlen: int | None = None,
        subnet_pool_id: Identifier | None = None,
        use_default_pool: bool = False,
        ip_version: int | None = None,
        name: str = "",
        description: str = "",
        gateway_ip: str | None = UNSET,
        allocation_pools: Sequence[Pool] | None = None,
        enable_dhcp: bool = True,
        dns_nameservers: Sequence[str] = (),
        host_routes: Sequence[Mapping[str, str]] = (),
        ipv6_ra_mode: str = "",
        ipv6_address_mode: str = "",
        service_types: Sequence[str] = (),
        project_id: str | None = None,
    ) -> Subnet:
        """Add a block to a network. A gateway that is not said is the first host address.

        The block is the one that is said, or a free one of a pool (``pool_allocation``).
        Where guests make their addresses themselves, the ports that are there have theirs with it. Raises
        InvalidInput for a block, gateway or modes that make no sense, BadRequest when it
        overlaps another of the network, and what is wrong with the pools.
        """
        said = None if cidr is None else _block(cidr)
        if said is not None and ip_version is not None and ip_version != said.version:
            raise InvalidInput(field="cidr", value=cidr, reason=f"It is no IPv{ip_version} block.")
        if said is None and (allocation_pools or gateway_ip not in (None, UNSET)):
            raise BadRequest("Gateway and allocation pools are said of specific blocks only.")
        wish = BlockWish(said, prefixlen, ip_version, subnet_pool_id, use_default_pool)
        with transaction.atomic():
            network = self._network(network_id)
            project = self._project(project_id or network.project_id)
            quota.reserve(project, "subnet")
            pool = find_pool(self.context, wish)
            block = self._block_of(wish, pool, network=network, project_id=project)
            _check_modes(block, ipv6_ra_mode, ipv6_address_mode, enable_dhcp)
            check_mtu(network.mtu, block.version)
            gateway = _gateway(block, gateway_ip)
            subnet = Subnet(
                project_id=project,
                network=network,
                subnet_pool=pool,
                name=name,
                description=description,
                ip_version=block.version,
                cidr=str(block),
                gateway_ip=str(gateway or ""),
                enable_dhcp=enable_dhcp,
                allocation_pools=ipam.default_pools(block, gateway)
                if allocation_pools is None
                else _pools(block, gateway, allocation_pools),
                dns_nameservers=_addresses("dns_nameservers", dns_nameservers),
                host_routes=_routes(host_routes),
                ipv6_ra_mode=ipv6_ra_mode,
                ipv6_address_mode=ipv6_address_mode,
                service_types=_service_types(service_types),
            )
            insert(subnet)
            ipam.open_up(subnet)
            if subnet.is_self_addressing:
                address_ports(subnet)
            settle_dhcp(subnet, fresh=True)
            news.network_changed(network)
        return subnet

    @policy("network:subnets:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[Subnet]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:subnets:update")
    def update(
        self,
        subnet_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[SubnetChanges],
    ) -> Subnet:
        """Change a subnet; the hosts of its network learn of it."""
        subnet = self._writable(subnet_id, "network:subnets:update")
        with transaction.atomic():
            Network.objects.raise_wiring(subnet.network_id)
            subnet = self._changing(subnet, if_revision)
            self._apply(subnet, changes)
            subnet.save(update_fields=list(changes)) if changes else None
            if "allocation_pools" in changes:
                ipam.rebuild(subnet)
            if any(name in changes for name in WIRED):
                settle_dhcp(subnet)
                news.network_changed(subnet.network)
        return self._get(subnet.id)

    @policy("network:subnets:delete")
    def delete(self, subnet_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a subnet; raise SubnetInUse while ports other than DHCP's have addresses of it.

        Those that guests made themselves go with it; there a router's interface alone keeps it.
        """
        subnet = self._writable(subnet_id, "network:subnets:delete")
        try:
            with transaction.atomic():
                Network.objects.raise_wiring(subnet.network_id)
                subnet = self._changing(subnet, if_revision)
                held = PortAddress.objects.filter(subnet=subnet)
                keeping = (
                    held.filter(port__device_owner__in=KEEPING)
                    if subnet.is_self_addressing
                    else held.exclude(port__device_owner=states.DHCP_OWNER)
                )
                if keeping.exists():
                    raise SubnetInUse(subnet.id)
                take_from_ports(subnet)
                drop_empty_dhcp_port(subnet.network)
                subnet.delete()
                news.network_changed(subnet.network)
        except IntegrityError as error:  # a port came while we looked
            raise SubnetInUse(subnet.id) from error

    @periodic(every=timedelta(minutes=1))
    @policy("network:subnets:address_ports")
    def address_ports(self) -> int:
        """Give their self-made addresses to ports that came at the same time as their subnet."""
        found = 0
        for subnet in lacking():
            with transaction.atomic():
                Network.objects.raise_wiring(subnet.network_id)
                found += address_ports(subnet)
                news.network_changed(subnet.network)
        return found

    def _block_of(
        self, wish: BlockWish, pool: SubnetPool | None, *, network: Network, project_id: str
    ) -> Block:
        """Return the block of a new subnet on a network, which is locked."""
        if pool is not None:
            block = allocate(wish, pool, network=network, project_id=project_id)
        else:
            assert wish.cidr is not None
            block = wish.cidr
        there = _BLOCKS.rows(network=network.id)
        _check_overlap(network, block, [cidr for _, cidr, _ in there])
        check_affinity(pool, [other for version, _, other in there if version == block.version])
        return block

    def _network(self, network_id: Identifier) -> Network:
        """Return the network, locked; only its owner and admins add blocks to it."""
        network = seen_network(self.context, number(network_id))
        if network is None or not Network.objects.raise_wiring(network.id):
            raise NetworkNotFound(network_id)
        if not self._owns(network):
            raise PolicyNotAuthorized("network:subnets:set_on_other_network")
        return network

    def _apply(self, subnet: Subnet, changes: SubnetChanges) -> None:
        block = parse_block(subnet.cidr)
        gateway = parse_address(subnet.gateway_ip) if subnet.gateway_ip else None
        if "enable_dhcp" in changes:
            _check_modes(
                block, subnet.ipv6_ra_mode, subnet.ipv6_address_mode, changes["enable_dhcp"]
            )
        if "gateway_ip" in changes:
            gateway = _gateway(block, changes["gateway_ip"])
            subnet.gateway_ip = str(gateway or "")
            if gateway and PortAddress.objects.filter(subnet=subnet, ip_address=gateway).exists():
                raise IpAddressAlreadyAllocated(str(gateway), subnet_id=subnet.id)
        if "allocation_pools" in changes or "gateway_ip" in changes:
            pools = changes.get("allocation_pools", subnet.allocation_pools)
            subnet.allocation_pools = _pools(block, gateway, pools)
        if "dns_nameservers" in changes:
            subnet.dns_nameservers = _addresses("dns_nameservers", changes["dns_nameservers"])
        if "host_routes" in changes:
            subnet.host_routes = _routes(changes["host_routes"])
        if "service_types" in changes:
            subnet.service_types = _service_types(changes["service_types"])
        subnet.name = changes.get("name", subnet.name)
        subnet.description = changes.get("description", subnet.description)
        subnet.enable_dhcp = changes.get("enable_dhcp", subnet.enable_dhcp)


def _block(cidr: str) -> Block:
    try:
        block = parse_block(cidr)
    except ValueError as error:
        raise InvalidInput(field="cidr", value=cidr, reason="It is no IP block.") from error
    if "/" not in cidr:
        raise InvalidInput(field="cidr", value=cidr, reason="It needs a prefix length.")
    if block.prefixlen == 0 or block.is_multicast or block.is_loopback or block.is_link_local:
        raise InvalidInput(field="cidr", value=cidr, reason="No subnet can have this block.")
    return block


def _address(field: str, text: str) -> ipam.Address:
    try:
        return parse_address(text)
    except ValueError as error:
        raise InvalidInput(field=field, value=text, reason="It is no IP address.") from error


def _addresses(field: str, texts: Sequence[str]) -> Sequence[str]:
    if len(set(texts)) != len(texts):
        raise InvalidInput(field=field, value=[*texts], reason="It holds an address twice.")
    return [str(_address(field, text)) for text in texts]


def _routes(routes: Sequence[Mapping[str, str]]) -> Sequence[Mapping[str, str]]:
    found = []
    for route in routes:
        nexthop = _address("host_routes", route["nexthop"])
        try:
            destination = parse_block(route["destination"])
        except ValueError as error:
            raise InvalidInput(
                field="host_routes", value=route["destination"], reason="It is no IP block."
            ) from error
        if destination.version != nexthop.version:
            raise InvalidInput(
                field="host_routes", value=dict(route), reason="It mixes IP versions."
            )
        found.append({"destination": str(destination), "nexthop": str(nexthop)})
    if len({tuple(route.values()) for route in found}) != len(found):
        raise InvalidInput(field="host_routes", value=found, reason="It holds a route twice.")
    return found


def _service_types(wanted: Sequence[str]) -> Sequence[str]:
    if len(set(wanted)) != len(wanted):
        raise InvalidInput(field="service_types", value=[*wanted], reason="It holds one twice.")
    for one in wanted:
        if not one.startswith(OWNERS) or one in OWNERS:
            raise InvalidInput(
                field="service_types", value=one, reason="It is no device owner's name."
            )
    return [*wanted]


def _gateway(block: Block, wanted: str | None) -> ipam.Address | None:
    """Return the gateway: the first host address unless another, or none, was asked for."""
    if wanted is None:
        return None
    if wanted is UNSET:
        lone = block.num_addresses == 1
        return block.network_address if lone else block.network_address + 1
    gateway = _address("gateway_ip", wanted)
    edges = (block.network_address, block.broadcast_address) if block.prefixlen < 31 else ()
    if gateway.version != block.version or (block.version == 4 and gateway in edges):
        raise InvalidInput(
            field="gateway_ip", value=wanted, reason=f"It is no host address of {block}."
        )
    if gateway not in block and not _may_be_outside(gateway):
        raise InvalidInput(field="gateway_ip", value=wanted, reason="No gateway can have it.")
    return gateway


def _may_be_outside(gateway: ipam.Address) -> bool:
    """Tell whether a gateway that is not on its subnet may have this address.

    Neutron takes any. Here hosts hold gateways' addresses themselves, and these mean something else
    to them; the ways out and the metadata address are IPv4's link-local ones.
    """
    return not (
        gateway.is_multicast
        or gateway.is_loopback
        or gateway.is_unspecified
        or gateway.is_reserved
        or (gateway.version == 4 and gateway.is_link_local)
    )


def _pools(block: Block, gateway: ipam.Address | None, pools: Sequence[Pool]) -> Sequence[Pool]:
    """Return the pools in order and normal form, checked against block, gateway and each other."""
    spans = sorted(_span(block, pool) for pool in pools)
    for (_, before), (after, _) in itertools.pairwise(spans):
        if after <= before:
            raise OverlappingAllocationPools(cidr=str(block))
    make = type(block.network_address)
    for first, last in spans:
        if gateway is not None and first <= int(gateway) <= last:
            raise GatewayConflictWithAllocationPools(
                pool=f"{make(first)}-{make(last)}", address=str(gateway)
            )
    return [{"start": str(make(first)), "end": str(make(last))} for first, last in spans]


def _span(block: Block, pool: Pool) -> tuple[int, int]:
    start = _address("allocation_pools", pool["start"])
    end = _address("allocation_pools", pool["end"])
    text = f"{start}-{end}"
    if start.version != end.version or start.version != block.version or int(end) < int(start):
        raise InvalidAllocationPool(f"The allocation pool {text} is not valid.")
    edges = block.version == 4 and block.prefixlen < 31
    lowest = int(block.network_address) + edges
    highest = int(block.broadcast_address) - edges
    if not lowest <= int(start) <= int(end) <= highest:
        raise OutOfBoundsAllocationPool(pool=text, cidr=str(block))
    return int(start), int(end)


_BLOCKS = Prepared(
    lambda: Subnet.objects.filter(network=Given("network")).values_list(
        "ip_version", "cidr", "subnet_pool"
    )
)


def _check_overlap(network: Network, block: Block, there: Sequence[str]) -> None:
    for text in there:
        other = parse_block(text)
        if other.version == block.version and other.overlaps(block):
            raise BadRequest(
                f"Invalid input for operation: Requested subnet with cidr: {block} for network: "
                f"{network.id} overlaps with another subnet."
            )


def _check_modes(block: Block, ra_mode: str, address_mode: str, enable_dhcp: bool) -> None:
    """Check how guests get IPv6 addresses: the two modes are equal or one of them is empty."""
    if not ra_mode and not address_mode:
        return
    field = "ipv6_ra_mode" if ra_mode else "ipv6_address_mode"
    value = ra_mode or address_mode
    if block.version == 4:
        raise InvalidInput(field=field, value=value, reason="An IPv4 subnet has no such mode.")
    if not enable_dhcp:
        raise InvalidInput(field=field, value=value, reason="It needs enable_dhcp to be true.")
    if ra_mode and address_mode and ra_mode != address_mode:
        raise InvalidInput(
            field="ipv6_ra_mode",
            value=ra_mode,
            reason=f"It must equal ipv6_address_mode, which is {address_mode}.",
        )
    if value in ("slaac", "dhcpv6-stateless") and block.prefixlen != 64:
        raise InvalidInput(field="cidr", value=str(block), reason=f"Mode {value} needs a /64.")
