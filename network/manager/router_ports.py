"""Interfaces of routers on subnets: added and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from cloudweb.addresses import parse_address, parse_block
from cloudweb.database.locks import alone_with
from cloudweb.exceptions import BadRequest, PolicyNotAuthorized
from cloudweb.policy import policy
from network import news, states
from network.exceptions.ports import PortInUse, PortNotFound
from network.exceptions.routing import (
    RouterInterfaceInUseByFloatingIP,
    RouterInterfaceInUseByRoute,
    RouterInterfaceNotFound,
    RouterInterfaceNotFoundForSubnet,
    RouterPortConflict,
)
from network.exceptions.subnets import SubnetNotFound
from network.manager.addressing import Addressing
from network.manager.dhcp_address import settle_dhcp
from network.manager.port_parts import add_addresses, make_service_port, remove_port
from network.manager.router_gateway import RouterGateways, blocks_at, check_apart
from network.manager.standard import Identifier, number
from network.manager.tied import the_port, the_subnet, tied_to
from network.members import own_block
from network.models import (
    FloatingIp,
    Network,
    Port,
    PortAddress,
    PortForwarding,
    PortSecurityGroup,
    Router,
    RouterPort,
    Subnet,
)
from network.models.network import NetworkKind
from network.moved import ports_moved
from network.routers.placing import leave, place

#: What is asked for by whoever joins networks to routers or parts them.
JOINING = UUID("0b1c6a52-4f0e-4c9d-8a6b-3d2f9c1e7a44")


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of a router, as it was added or removed."""

    router: Router
    port_id: UUID
    network_id: UUID
    subnet_ids: Sequence[UUID]


class RouterPorts(RouterGateways):
    """Interfaces of the caller's routers."""

    @policy("network:routers:add_interface")
    def add_interface(
        self,
        router_id: Identifier,
        *,
        subnet_id: Identifier | None = None,
        port_id: Identifier | None = None,
    ) -> Interface:
        """Join a subnet to a router: with the subnet's gateway address, or by a port of the caller's.

        All IPv6 subnets of a network that are joined by name share one port.

        Raises RouterNotFound, SubnetNotFound, PortNotFound, PortInUse, IpAddressAlreadyAllocated,
        RouterPortConflict.
        """
        if (subnet_id is None) == (port_id is None):
            raise BadRequest("Either subnet_id or port_id must be specified, and not both.")
        router = self._writable(router_id, "network:routers:add_interface")
        with tied_to(the_subnet(subnet_id), the_port(port_id)), transaction.atomic():
            lock_around(self._networks_of(subnet_id=subnet_id, port_id=port_id))
            router = self._changing(router, None)
            if port_id is not None:
                port = self._given_port(router, port_id)
                fresh = [*port.addresses.select_related("subnet")]
            else:
                subnet = self._own_subnet(subnet_id or "")
                check_apart(router, {subnet.id: parse_block(subnet.cidr)})
                port = _six_port(router, subnet) or self._new_interface(router, subnet)
                fresh = [*port.addresses.filter(subnet=subnet).select_related("subnet")]
            RouterPort.objects.get_or_create(router=router, port=port, network=port.network)
            self._joined(router, port.network, fresh)
        return _interface(router, port, fresh)

    @policy("network:routers:remove_interface")
    def remove_interface(
        self,
        router_id: Identifier,
        *,
        subnet_id: Identifier | None = None,
        port_id: Identifier | None = None,
    ) -> Interface:
        """Part a subnet from a router; its port goes, whoever made it, unless it is on others too.

        Raises RouterInterfaceNotFound, RouterInterfaceNotFoundForSubnet,
        RouterInterfaceInUseByFloatingIP, RouterInterfaceInUseByRoute.
        """
        if subnet_id is None and port_id is None:
            raise BadRequest("Either subnet_id or port_id must be specified.")
        router = self._writable(router_id, "network:routers:remove_interface")
        with transaction.atomic():
            lock_around(self._networks_of(subnet_id=subnet_id, port_id=port_id))
            router = self._changing(router, None)
            part = self._part(router, subnet_id=subnet_id, port_id=port_id)
            given = [*part.port.addresses.select_related("subnet")]
            if port_id is None:
                given = [row for row in given if row.subnet_id == number(subnet_id or "")]
            check_unused(router, given)
            found = _interface(router, part.port, given)
            self._part_from(router, [(part, given)])
        return found

    def _part_from(
        self, router: Router, parts: Sequence[tuple[RouterPort, Sequence[PortAddress]]]
    ) -> None:
        """Take these addresses from a router's ports, and ports without any others from the router.

        Of all networks first what is free is locked, then the networks, then tables and sets, each in one
        order: so whoever parts several networks waits for nobody who waits for him.
        """
        parted = _networks(router)
        parts = sorted(parts, key=lambda one: (one[0].network_id, one[0].port_id))
        for part, addresses in parts:
            port = part.port
            if len(addresses) < port.addresses.count():
                PortAddress.objects.filter(id__in=[row.id for row in addresses]).delete()
                Addressing(part.network, port.mac_address).give_back(addresses)
            else:
                if router.router_ports.count() == 1:
                    leave(router)
                part.delete()
                remove_port(port)
        for part, addresses in parts:
            self._settle(part.network, (row.subnet for row in addresses))
        ports_moved(*(part.port for part, _ in parts))
        news.networks_joined(parted)
        news.routers_changed(router.id)

    def _own_subnet(self, subnet_id: Identifier) -> Subnet:
        """Return a subnet whose gateway may become a router's."""
        rows = Subnet.objects.visible_to(self.context).select_related("network")
        subnet = rows.filter(id=number(subnet_id)).first()
        if subnet is None:
            raise SubnetNotFound(subnet_id)
        if not self._owns(subnet.network):
            raise PolicyNotAuthorized("network:routers:add_interface")
        if not subnet.gateway_ip:
            raise BadRequest("Subnet for router interface must have a gateway IP.")
        if subnet.network.kind == NetworkKind.FLAT:
            raise BadRequest(
                f"The gateway of subnet {subnet.id} is the provider's. Give the router a port of its own."
            )
        if parse_address(subnet.gateway_ip) not in parse_block(subnet.cidr):
            raise BadRequest(f"The gateway of subnet {subnet.id} is not on the subnet.")
        if subnet.ipv6_address_mode and not subnet.ipv6_ra_mode:
            raise BadRequest(
                f"IPv6 subnet {subnet.id} is told by an external router how to get addresses, so no router "
                "of this cloud can have an interface there."
            )
        return subnet

    def _new_interface(self, router: Router, subnet: Subnet) -> Port:
        wish = {"subnet_id": str(subnet.id), "ip_address": subnet.gateway_ip}
        return make_service_port(
            subnet.network,
            owner=states.INTERFACE_OWNER,
            device_id=str(router.id),
            project_id=router.project_id,
            wishes=[wish],
            as_gateway=True,
        )

    def _given_port(self, router: Router, port_id: Identifier) -> Port:
        """Return a free port of the caller's, made the router's."""
        rows = Port.objects.visible_to(self.context).complete()
        port = rows.filter(id=number(port_id)).first()
        if port is None:
            raise PortNotFound(port_id)
        mine = Port.objects.filter(id=port.id, device_id="", host="")
        if port.device_owner.startswith(states.CLOUD_OWNERS) or not mine.touch(
            device_id=str(router.id),
            device_owner=states.INTERFACE_OWNER,
            port_security_enabled=False,
        ):
            raise PortInUse(port.id)
        held = port.addresses.select_related("subnet")
        if not held:
            raise BadRequest("Router port must have at least one fixed IP.")
        _check_families(router, port, [row.subnet for row in held])
        check_apart(router, blocks_at(held))
        groups = PortSecurityGroup.objects.filter(port=port)
        left = [*groups.values_list("security_group_id", flat=True)]
        groups.delete()
        blocks = {own_block(row.ip_address) for row in held}
        news.members_changed(left, port=port, blocks=blocks, pairs=False)
        return port

    def _joined(self, router: Router, network: Network, addresses: Iterable[PortAddress]) -> None:
        self._settle(network, [row.subnet for row in addresses])
        place(router)
        news.networks_joined(_networks(router))
        news.routers_changed(router.id)

    def _settle(self, network: Network, subnets: Iterable[Subnet]) -> None:
        """Let DHCP answer from where it can now; the network's hosts learn of it."""
        Network.objects.raise_wiring(network.id)
        for subnet in subnets:
            settle_dhcp(subnet)
        news.network_changed(network)

    @staticmethod
    def _networks_of(*, subnet_id: Identifier | None, port_id: Identifier | None) -> set[UUID]:
        """Return the networks of what is named, whoever has it: who may name it is looked at later."""
        subnets = Subnet.objects.filter(id=number(subnet_id)) if subnet_id else ()
        ports = Port.objects.filter(id=number(port_id)) if port_id else ()
        return {one.network_id for one in (*subnets, *ports)}

    def _part(
        self, router: Router, *, subnet_id: Identifier | None, port_id: Identifier | None
    ) -> RouterPort:
        parts = RouterPort.objects.filter(router=router, is_gateway=False)
        parts = parts.select_related("port", "network")
        if port_id is not None:
            part = parts.filter(port=number(port_id)).first()
            if part is None:
                raise RouterInterfaceNotFound(router.id, port_id=port_id)
            on = {str(row.subnet_id) for row in part.port.addresses.all()}
            if subnet_id is not None and str(number(subnet_id)) not in on:
                raise RouterPortConflict(
                    f"Port {port_id} of router {router.id} is not on subnet {subnet_id}."
                )
            return part
        if not Subnet.objects.visible_to(self.context).filter(id=number(subnet_id or "")).exists():
            raise SubnetNotFound(subnet_id)
        part = parts.filter(port__addresses__subnet=number(subnet_id or "")).first()
        if part is None:
            raise RouterInterfaceNotFoundForSubnet(router.id, subnet_id=subnet_id)
        return part


def lock_around(network_ids: Collection[UUID]) -> None:
    """Lock what joining or parting networks changes beside the router, before its row.

    Networks come before routers wherever both are changed. Of networks that several routers join each change
    touches all those routers, in no order that two could keep: so such changes are done in turn.
    """
    alone_with(JOINING, wait=True)
    for network_id in sorted(network_ids):
        Network.objects.raise_wiring(network_id)


def _interface(router: Router, port: Port, addresses: Iterable[PortAddress]) -> Interface:
    return Interface(router, port.id, port.network_id, [row.subnet_id for row in addresses])


def _six_port(router: Router, subnet: Subnet) -> Port | None:
    """Return the router's port on the subnet's network that has IPv6 alone, with the subnet's gateway too."""
    if subnet.ip_version == 4:
        return None
    rows = Port.objects.filter(router_port__router=router, router_port__is_gateway=False)
    mine = rows.filter(network=subnet.network_id, addresses__subnet__ip_version=6)
    port = mine.exclude(addresses__subnet__ip_version=4).select_related("network").first()
    if port is None:
        return None
    addressing = Addressing(port.network, port.mac_address, as_gateway=True)
    wish = {"subnet_id": str(subnet.id), "ip_address": subnet.gateway_ip}
    add_addresses(port, addressing.choose([wish]))
    Port.objects.filter(id=port.id).touch()
    return port


def _networks(router: Router) -> list[UUID]:
    parts = RouterPort.objects.filter(router=router, is_gateway=False)
    return [*parts.values_list("network_id", flat=True)]


def _check_families(router: Router, port: Port, subnets: Sequence[Subnet]) -> None:
    """Refuse a port with two IPv4 subnets, or a second one for a network's IPv6."""
    if sum(subnet.ip_version == 4 for subnet in subnets) > 1:
        raise BadRequest("Cannot have multiple IPv4 subnets on router port.")
    others = PortAddress.objects.filter(port__router_port__router=router, subnet__ip_version=6)
    same = others.filter(port__network=port.network_id).exclude(port=port)
    if any(subnet.ip_version == 6 for subnet in subnets) and same.exists():
        raise BadRequest(
            "Cannot have multiple router ports with the same network id if both contain IPv6 subnets."
        )


def check_unused(router: Router, held: Iterable[PortAddress]) -> None:
    for row in held:
        led = FloatingIp.objects.filter(router=router, fixed_port__addresses__subnet=row.subnet_id)
        through = PortForwarding.objects.filter(
            floating_ip__router=router, internal_port__addresses__subnet=row.subnet_id
        )
        if led.exists() or through.exists():
            raise RouterInterfaceInUseByFloatingIP(router.id, subnet_id=row.subnet_id)
        block = parse_block(row.subnet.cidr)
        if any(parse_address(route["nexthop"]) in block for route in router.routes):
            raise RouterInterfaceInUseByRoute(router.id, subnet_id=row.subnet_id)
