"""LinuxBridgeDriver: a bridge for each network, and a namespace for each isolated one."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from cloudweb import process
from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.records import MARK, set_aside_in
from network.drivers.base import (
    BANDWIDTH_LIMIT,
    DSCP_MARKING,
    STATELESS_FILTERS,
    TRUNKS,
    Damageable,
    Milestones,
    Neighbourly,
    NetworkDriver,
    Observant,
    Removable,
    SpansHosts,
    Supervised,
)
from network.drivers.linuxbridge import namespaces, nft
from network.drivers.linuxbridge.config import (
    GATEWAY,
    BridgeConfig,
    NetworkNames,
    installation_of,
    steady_mac,
)
from network.drivers.linuxbridge.dhcp import DhcpServer, served_subnets
from network.drivers.linuxbridge.flows import Flows
from network.drivers.linuxbridge.gateway import Gateways, routes_six
from network.drivers.linuxbridge.known_filters import KnownFilters
from network.drivers.linuxbridge.limits import can_limit, ensure_port_limits, is_limited, limit_name
from network.drivers.linuxbridge.links import Link, Links
from network.drivers.linuxbridge.metadata import MetadataProxy
from network.drivers.linuxbridge.neighbours import Neighbours
from network.drivers.linuxbridge.observing import look_at_port, look_at_way
from network.drivers.linuxbridge.probe import check_host
from network.drivers.linuxbridge.routers import Routers
from network.drivers.linuxbridge.served import ServedPort
from network.drivers.linuxbridge.slots import Slots
from network.drivers.linuxbridge.standing import Standing
from network.drivers.linuxbridge.trunks import can_carry, ensure_carried, lost
from network.drivers.linuxbridge.wires import Wires, close_bridge
from network.objects import (
    ForwardingTable,
    GroupMembers,
    NetworkWiring,
    PortMilestone,
    PortRef,
    PortStatus,
    PortWiring,
)
from network.routers.objects import RouterWiring, leg_name
from network.trace.objects import ROUTER, PathQuestion, Sighting

_TAP = re.compile(r"^[A-Za-z0-9_.-]{1,15}\Z")


class LinuxBridgeDriver(
    NetworkDriver,
    Damageable,
    Milestones,
    Neighbourly,
    Observant,
    Supervised,
    Removable,
    SpansHosts,
):
    """The kernel's own bridges, namespaces, nftables and dnsmasq.

    The bridge with the taps is in the root namespace, where the hypervisor opens them; it has no
    address, and the host's own stack is closed to it. A veth, the network's leg, leads from it to the
    gateway: in the network's namespace, or for a flat network in the root namespace.

    Everything is found again in the kernel and under ``state_dir`` by a new process. A network takes
    its slot there before anything else of it is made and gives it back last, so what a crash left
    half-made is known by it.
    """

    def __init__(
        self, state_dir: Path, host: str = "localhost", *, config: BridgeConfig | None = None
    ) -> None:
        self._directory = state_dir.resolve()
        given = config or BridgeConfig.from_env(self._directory.parent)
        self.config = replace(given, installation=installation_of(self._directory))
        self.neighbours = Neighbours(self._directory, self.config)
        self._slots = Slots(self._directory, self.config, found=self._ways_out)
        self._wires = Wires(self.config)
        self._gateways = Gateways(self._directory, self.config, self._wires.tunnels)
        self._standing = Standing(self._gateways)
        self._routers = Routers(self._directory, self.config)
        self._metadata = MetadataProxy(self._directory / "metadata", self.config, host)
        self._lock = threading.Lock()
        # By network, what this process did there; callers do the work on one in turn.
        self._in_force: dict[str, KnownFilters] = {}
        self._served: dict[str, dict[str, ServedPort]] = {}
        self._limited: dict[str, PortWiring] = {}  # by tap
        self._carried: dict[str, PortWiring] = {}  # by tap
        self._can_limit = self._can_carry = False

    def start(self) -> None:
        """Check that this host can do it."""
        check_host(self.config)
        self.neighbours.take()
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._can_limit = can_limit(f"{self.config.table}-probe")
        self._can_carry = can_carry(f"{self.config.table}-probe")

    def capabilities(self) -> Sequence[str]:
        """Return what this kernel lets it do."""
        found = {BANDWIDTH_LIMIT: self._can_limit, TRUNKS: self._can_carry}
        return (DSCP_MARKING, STATELESS_FILTERS, *(name for name, can in found.items() if can))

    def check_neighbours(self) -> None:
        """Raise NamesTaken when another installation has names or addresses of ours."""
        self.neighbours.check()

    def ensure_segment(self, network: NetworkWiring, *, work: Work) -> None:
        """Make bridge, namespace and the leg between them be there."""
        names = self.config.names(network.id)
        isolated = self._wires.is_apart(network)
        namespace = names.namespace if isolated else None
        peer = GATEWAY if isolated else names.host_leg
        self._standing.forget(network.id)
        work.checkpoint()
        self._slots.take(network.id)
        if namespace is not None:
            namespaces.ensure(namespace)
        work.checkpoint()
        with Links.open() as links:
            links.ensure_bridge(names.bridge, alias=names.alias, mtu=network.mtu)
            if network.is_forwarded:  # a bridge that takes another address forgets its neighbours
                links.ensure_address(names.bridge, steady_mac(names.bridge))
            close_bridge(names.bridge, answers=network.is_forwarded)
            if Links.lacks(peer, namespace=namespace):
                links.delete(names.leg)  # its namespace was lost
            links.ensure_veth(names.leg, peer=peer, namespace=namespace, mac=names.gateway_mac)
            namespaces.write_sysctl(f"net/ipv6/conf/{names.leg}/disable_ipv6", "1")
            links.ensure(names.leg, alias=names.alias, mtu=network.mtu, master=names.bridge)

    def is_intact(self, network: NetworkWiring) -> bool:
        """Look at links, namespace and ways out: what the network's own parts are made of."""
        return self._standing.holds(network, self.config.names(network.id))

    def delete_segment(self, network_id: str, *, work: Work) -> None:
        """Make everything of the network absent, its taps first."""
        names = self.config.names(network_id)
        self._standing.forget(network_id)
        work.checkpoint()
        with Links.open() as links:
            for link in links.all():
                marked = self._marked(link)
                if marked is not None and marked[0] == network_id:
                    links.delete(link.name)
                    self._limited.pop(link.name, None)
                    self._carried.pop(link.name, None)
            for name in (names.leg, names.way_out):
                links.delete(name)
        self._wires.delete(network_id, names)
        work.checkpoint()
        self._dhcp(network_id).stop()
        self._metadata.remove(network_id)
        namespaces.delete(names.namespace)
        nft.delete(("bridge", names.filters), ("inet", names.filters), ("inet", names.edge))
        with Links.open() as links:
            links.delete(names.bridge)
        self._in_force.pop(network_id, None)
        self._served.pop(network_id, None)
        shutil.rmtree(self._home(network_id), ignore_errors=True)
        with self._lock:
            self._slots.free(network_id)
            if not self._slots.networks():
                self._gateways.release_host()
                self._wires.release()

    def plug(self, port: PortWiring, *, work: Work) -> PortStatus:
        """Make the tap exist on the bridge; an interface of that name is taken as the tap."""
        names = self.config.names(port.network.id)
        alias = self.config.port_alias(port.network.id, port.id)
        work.checkpoint()
        if port.router_id:
            self._routers.ensure_namespace(port.router_id)
        mtu = port.network.mtu
        with Links.open() as links:
            if port.carried is not None:
                self._carried[port.tap] = port
                mtu = ensure_carried(links, port, port.carried)
            elif port.router_id:
                inside = self.config.router_namespace(port.router_id)
                leg = leg_name(port.id)
                links.ensure_veth(port.tap, peer=leg, namespace=inside, mac=port.mac)
            else:
                links.ensure_tap(port.tap)
            namespaces.write_sysctl(f"net/ipv6/conf/{port.tap}/disable_ipv6", "1")
            links.ensure(
                port.tap,
                alias=alias,
                mtu=mtu,
                master=names.bridge,
                up=port.admin_up,
            )
            found = links.get(port.tap)
            status = self._status(found)
            if self._can_limit:
                ensure_port_limits(
                    links, found, port, alias=self.config.limit_alias(port.network.id, port.id)
                )
        if port.qos is not None and (port.qos.ingress or port.qos.egress):
            self._limited[port.tap] = port
        else:
            self._limited.pop(port.tap, None)
        if status is None:
            raise DriverError("The host could not mark a guest's network card.", detail=alias)
        return status

    def unplug(self, ref: PortRef, *, work: Work) -> None:
        """Make the tap absent; an interface that is not this port's is left alone."""
        names = self.config.names(ref.network_id)
        if not _TAP.match(ref.tap):
            return  # no interface can have that name
        work.checkpoint()
        self._carried.pop(ref.tap, None)
        with Links.open() as links:
            link, bridge = links.find(ref.tap), links.find(names.bridge)
            if link is None:
                return
            ours = self.config.marked_port(link.alias) == (ref.network_id, ref.id)
            wired = bridge is not None and link.master == bridge.index
            fresh = link.kind == "tun" and not link.alias and not link.master
            if ours or wired or fresh:
                links.delete(ref.tap)
                links.delete(limit_name(ref.tap))
                self._limited.pop(ref.tap, None)

    def ensure_router(self, router: RouterWiring, *, work: Work) -> None:
        """Make addresses, routes and translations of the router be as told."""
        self._routers.ensure(router, work=work)

    def delete_router(self, router_id: str, *, work: Work) -> None:
        """Make the router absent; wires that are still there go with it."""
        self._routers.delete(router_id, work=work)

    def routers(self) -> Sequence[str]:
        """Return the routers of which there is anything here."""
        return self._routers.ids()

    def broken_routers(self) -> Sequence[str]:
        """Return the routers without their namespace or table."""
        return self._routers.broken()

    def segments(self) -> Sequence[str]:
        """Return the networks of which there is anything here, half-made ones too."""
        with Links.open() as links:
            found = {self.config.marked_network(link.alias) for link in links.all()} - {None}
        return sorted({*(name for name in found if name), *self._slots.networks()})

    def _ways_out(self) -> dict[str, IPv4Address]:
        """Return the host's address on each network's way out, as the kernel has it."""
        with Links.open() as links:
            marked = [(self.config.marked_network(link.alias), link.name) for link in links.all()]
            ends = {
                network_id: name
                for network_id, name in marked
                if network_id is not None and name == self.config.names(network_id).way_out
            }
            found = {network_id: links.addresses(name) for network_id, name in ends.items()}
        return {network_id: ours[0] for network_id, ours in found.items() if ours}

    def ports(self) -> Sequence[PortStatus]:
        """Return the ports whose taps carry our mark."""
        with Links.open() as links:
            found = (self._status(link) for link in links.all())
            return [status for status in found if status is not None]

    def ensure_gateway(self, network: NetworkWiring, *, work: Work) -> None:
        """Make gateway addresses, forwarding and NAT be as told."""
        names = self.config.names(network.id)
        self._standing.forget(network.id)
        work.checkpoint()
        if self._wires.is_apart(network):
            told = self._wires.as_joined(network)
            self._gateways.ensure_isolated(told, names, self._slots.take(network.id))
        else:
            self._gateways.ensure_flat(network, names)
        self._standing.keep(network, names)

    def ensure_dhcp(
        self, network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work
    ) -> None:
        """Make DHCP, DNS and metadata answer exactly these ports."""
        self._served.pop(network.id, None)
        served = served_subnets(network)
        self._serve(
            network, {port.id: ServedPort.of(network, served, port) for port in ports}, work
        )

    def change_dhcp(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring],
        gone: Sequence[str],
        work: Work,
    ) -> bool:
        """Make them answer what changed; the lines of the others are known."""
        known = self._served.pop(network.id, None)
        if known is None:
            return False
        served = served_subnets(network)
        known |= {port.id: ServedPort.of(network, served, port) for port in changed}
        self._serve(network, {name: port for name, port in known.items() if name not in gone}, work)
        return True

    def _serve(self, network: NetworkWiring, ports: dict[str, ServedPort], work: Work) -> None:
        names = self.config.names(network.id)
        isolated = self._wires.is_apart(network)
        work.checkpoint()
        self._dhcp(network.id).ensure(
            self._wires.as_joined(network),
            ports.values(),
            interface=GATEWAY if isolated else names.host_leg,
            namespace=names.namespace if isolated else None,
            routes=routes_six(network),
        )
        work.checkpoint()
        self._metadata.ensure(
            network,
            ports.values(),
            names,
            six=isolated
            and namespaces.inside(names.namespace, lambda: namespaces.has_six(GATEWAY)),
        )
        self._served[network.id] = ports

    def ensure_filters(
        self,
        network: NetworkWiring,
        ports: Sequence[PortWiring],
        groups: Sequence[GroupMembers] = (),
        *,
        work: Work,
    ) -> None:
        """Put exactly these ports' filters in force, then cut what they no longer allow."""
        names, zone = self.config.names(network.id), self._slots.take(network.id).zone
        fresh = KnownFilters()
        text = fresh.whole(
            names,
            zone,
            ports,
            groups,
            wire=self._wires.name_of(network, names),
            routers=self._wires.routers_of(network),
        )
        work.checkpoint()
        self._in_force.pop(network.id, None)
        nft.apply(text)
        self._in_force[network.id] = fresh
        self._flows(network.id).settle(ports, groups)

    def change_filters(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring],
        gone: Sequence[str],
        groups: Sequence[GroupMembers],
        work: Work,
    ) -> bool:
        """Put in force what changed, then cut what it no longer allows; False where the tables are not as thought."""
        names, known = self.config.names(network.id), self._in_force.pop(network.id, None)
        if known is None:
            return False
        text = known.change(names, changed=changed, gone=gone, groups=groups)
        work.checkpoint()
        try:
            nft.apply(text)
        except process.CommandFailed:  # somebody else was at them
            return False
        self._in_force[network.id] = known
        self._flows(network.id).change(changed, gone, groups)
        return True

    @property
    def tunnel_address(self) -> str:
        """Return where other hosts' tunnels lead to."""
        address, _ = self._wires.tunnels.found()
        return address

    @property
    def physical_networks(self) -> Sequence[str]:
        """Return the provider's wires that this host has an interface on."""
        return sorted(self.config.interfaces)

    @property
    def network_types(self) -> Sequence[str]:
        """Return what is set for this host."""
        return self._wires.types()

    def joining_problems(self) -> Sequence[str]:
        """Return what keeps tunnels and physical networks from working."""
        return self._wires.problems()

    def ensure_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> None:
        """Make the wire to other hosts, and put it on the bridge."""
        work.checkpoint()
        self._wires.ensure(network, self.config.names(network.id), table)

    def change_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> bool:
        """Write the forwarding entries that changed."""
        work.checkpoint()
        return self._wires.change(network, self.config.names(network.id), table)

    def milestones(self) -> Sequence[PortMilestone]:
        """Return first leases and first metadata of all ports, oldest first."""
        found = [
            PortMilestone(network_id=network_id, port_id=port_id, kind="dhcp", at=at)
            for network_id in self._slots.networks()
            for port_id, at in self._dhcp(network_id).milestones()
        ]
        found += [
            PortMilestone(network_id=network_id, port_id=port_id, kind="metadata", at=at)
            for network_id in self._slots.networks()
            for port_id, at in self._metadata.milestones(network_id)
        ]
        return sorted(found, key=lambda milestone: milestone.at)

    def forget(self, milestones: Sequence[PortMilestone]) -> None:
        """Do not tell these again."""
        for milestone in milestones:
            if milestone.kind == "dhcp":
                self._dhcp(milestone.network_id).forget_milestone(milestone.port_id)
            else:
                self._metadata.forget_milestone(milestone.network_id, milestone.port_id)

    def observe(self, question: PathQuestion) -> Sequence[Sighting]:
        """Look at taps, leases, filters and forwarding entries as the kernel has them."""
        found = [
            one for look in question.ports for one in look_at_port(look, self.config, self._leased)
        ]
        found += [look_at_way(look, self.config) for look in question.ways]
        torn = {*self.broken_routers()} if question.routers else set()
        return [*found, *(
            Sighting(kind=ROUTER, about=one, source="kernel",
                     passes=one in self.routers() and one not in torn)
            for one in question.routers
        )]  # fmt: skip

    def _leased(self, network_id: str, mac: str) -> float:
        return self._dhcp(network_id).leased_at(mac)

    def broken(self) -> Sequence[str]:
        """Return the networks without their bridge, wires, filter tables, DHCP server or metadata proxy."""
        tables = set(nft.tables("cloudweb"))
        if ("inet", self.config.table) not in tables or self._gateways.is_unguarded(tables):
            return self._slots.networks()
        if not self._slots.networks():
            return ()
        unlimited = self._unlimited()
        with Links.open() as links:
            there = {link.name: link for link in links.all()}
        torn = {*self._wires.broken(tables, there), *lost(there, self._carried.values())}
        return [
            network_id
            for network_id in self._slots.networks()
            if network_id in torn
            or _is_torn(self.config.names(network_id), there)
            or not {("bridge", name := self.config.names(network_id).filters), ("inet", name)}
            <= tables
            or self._dhcp(network_id).is_dead()
            or self._metadata.is_dead(network_id)
            or network_id in unlimited
        ]

    def _unlimited(self) -> set[str]:
        """Return the networks with ports whose limits somebody took away."""
        if not self._limited:
            return set()
        with Links.open() as links:
            found = {link.name: link for link in links.all()}
        ports = [*self._limited.values()]
        return {port.network.id for port in ports if not is_limited(found, port)}

    def damages(self) -> Sequence[str]:
        """Return a sentence for each file set aside, until an operator removes it."""
        networks = (self._directory / "networks").glob(f"*/*{MARK}*")
        return [
            f"{path.name.partition(MARK)[0]} was damaged and made anew. Look at {path}, then remove it."
            for path in [*set_aside_in(self._directory), *sorted(networks)]
        ]

    def delete_everything(self) -> None:
        """Make all of this installation absent, also what no record explains, and nothing of another."""
        for router_id in self.routers():
            self.delete_router(router_id, work=Unguarded())
        for network_id in self.segments():
            self.delete_segment(network_id, work=Unguarded())
        with Links.open() as links:
            for link in links.all():
                if self._marked(link) is not None:
                    links.delete(link.name)
        if self.neighbours.own_the_prefix():
            self._gateways.release_host()
            self._wires.release()
            for name in namespaces.names(f"{self.config.table}-"):
                namespaces.delete(name)
            own = re.compile(rf"^{self.config.table}(_edge|_tunnel)?(_[0-9a-f]{{11}})?\Z")
            nft.delete(*(table for table in nft.tables(self.config.table) if own.match(table[1])))
        for name in ("networks", "metadata", "routers"):
            shutil.rmtree(self._directory / name, ignore_errors=True)
        shutil.rmtree(self.config.shared_directory(self._directory), ignore_errors=True)
        self._slots.forget()
        self.neighbours.release()

    def _marked(self, link: Link) -> tuple[str, str] | None:
        """Return network and port of a tap of ours, or of what holds up what it sends."""
        marks = self.config.marked_port(link.alias), self.config.marked_limit(link.alias)
        return marks[0] or marks[1]

    def _status(self, link: Link) -> PortStatus | None:
        marked = self.config.marked_port(link.alias)
        if marked is None:
            return None
        network_id, port_id = marked
        up = link.up and link.master != 0
        return PortStatus(id=port_id, network_id=network_id, tap=link.name, up=up)

    def _flows(self, network_id: str) -> Flows:
        return Flows(self._home(network_id) / "flows", self._slots.take(network_id).zone)

    def _home(self, network_id: str) -> Path:
        return self._directory / "networks" / network_id

    def _dhcp(self, network_id: str) -> DhcpServer:
        shared = self.config.shared_directory(self._directory) / network_id
        return DhcpServer(self._home(network_id) / "dhcp", shared=shared)


def _is_torn(names: NetworkNames, links: Mapping[str, Link]) -> bool:
    """Tell whether the bridge is not there, or the leg is not on it."""
    bridge, leg = links.get(names.bridge), links.get(names.leg)
    return bridge is None or leg is None or leg.master != bridge.index
