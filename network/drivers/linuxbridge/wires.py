"""What joins a network's bridge with those on other hosts: a tunnel, a VLAN, or a whole interface."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from cloudweb.driver import DriverError
from network.drivers.linuxbridge import namespaces, nft
from network.drivers.linuxbridge.config import BridgeConfig, NetworkNames
from network.drivers.linuxbridge.links import Link, Links
from network.drivers.linuxbridge.tunnels import Tunnels
from network.objects import ForwardingTable, NetworkWiring, Segment


class Wires:
    """One for each network with a segment, as that says; callers do the work on one network in turn."""

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self.tunnels = Tunnels(config)
        self._joined: dict[str, tuple[NetworkNames, str]] = {}  # by network, its wire as made here
        self._numbers: dict[str, int] = {}
        self._routers: dict[str, frozenset[str]] = {}

    def segment_of(self, network: NetworkWiring) -> Segment | None:
        """Return what joins a network here. A flat one whose wire this host is not on ends here, as without."""
        segment = network.segment
        if segment is None or segment.network_type != "flat":
            return segment
        return segment if segment.physical_network in self._config.interfaces else None

    def is_apart(self, network: NetworkWiring) -> bool:
        """Tell whether the network has a namespace of its own: it is not the host that is its gateway."""
        return network.kind == "isolated" or self.segment_of(network) is not None

    def as_joined(self, network: NetworkWiring) -> NetworkWiring:
        """Return a network as this host serves it: the gateway of a provider's wire is on that wire."""
        segment = self.segment_of(network)
        if segment is None or segment.network_type == "vxlan":
            return network
        subnets = tuple(subnet.model_copy(update={"routed": True}) for subnet in network.subnets)
        return network.model_copy(update={"subnets": subnets})

    def name_of(self, network: NetworkWiring, names: NetworkNames) -> str:
        """Return the bridge's port towards other hosts; empty where there is none."""
        segment = self.segment_of(network)
        if segment is None:
            return ""
        if segment.network_type == "flat":
            return self._config.interfaces[segment.physical_network]
        return names.wire

    def types(self) -> Sequence[str]:
        """Return the types of segments that are set up here."""
        address, _ = self.tunnels.found()
        return [
            *(["vxlan"] if address else []),
            *(["vlan", "flat"] if self._config.interfaces else []),
        ]

    def problems(self) -> Sequence[str]:
        """Return what an operator must put right."""
        missing: list[str] = []
        if self._config.interfaces:
            with Links.open() as links:
                missing = [
                    f"NETWORK_INTERFACES names {name} for {physical}, which this host does not have."
                    for physical, name in sorted(self._config.interfaces.items())
                    if links.find(name) is None
                ]
        _, problem = self.tunnels.found()
        return [*([problem] if problem else []), *missing, *self.tunnels.narrow()]

    def ensure(
        self, network: NetworkWiring, names: NetworkNames, table: ForwardingTable | None
    ) -> None:
        """Make the wire be on the bridge and lead where it shall."""
        segment = self.segment_of(network)
        if segment is None:
            return
        self._joined.pop(network.id, None)
        if segment.network_type == "vxlan":
            self.tunnels.ensure(network, names, _number(segment), table)
            self._numbers[network.id] = _number(segment)
            self._hear(network, names, anew=True)
        else:
            self._ensure_physical(network, names, segment)
        self._joined[network.id] = names, self.name_of(network, names)

    def change(
        self, network: NetworkWiring, names: NetworkNames, table: ForwardingTable | None
    ) -> bool:
        """Make it lead where it shall now; False where it is not as thought."""
        segment = self.segment_of(network)
        if segment is None:
            return True
        if network.id not in self._joined:
            return False
        if segment.network_type != "vxlan":
            return True
        done = self.tunnels.change(network, names, _number(segment), table)
        if done:
            self._hear(network, names)
        return done

    def routers_of(self, network: NetworkWiring) -> Collection[str] | None:
        """Return the MAC addresses of routers on other hosts that guests here hear of; None: of all."""
        return self._routers.get(network.id, ()) if network.is_forwarded else None

    def _hear(self, network: NetworkWiring, names: NetworkNames, *, anew: bool = False) -> None:
        """Let guests hear the advertisements of routers that have a subnet's gateway, whoever else sends some."""
        routers = frozenset(
            mac
            for subnet in network.subnets
            if subnet.routed
            and subnet.gateway_ip
            and (mac := self.tunnels.mac_of(network.id, subnet.gateway_ip))
        )
        if routers == self._routers.get(network.id) and not anew:
            return
        lines = [f"flush set bridge {names.filters} routers"]
        if routers:
            elements = ", ".join(sorted(routers))
            lines.append(f"add element bridge {names.filters} routers {{ {elements} }}")
        nft.apply("\n".join((*lines, "")))
        self._routers[network.id] = routers

    def delete(self, network_id: str, names: NetworkNames) -> None:
        """Make the wire absent; an interface of the provider's leaves the bridge alone."""
        with Links.open() as links:
            number = self._numbers.pop(network_id, None) or links.vxlan_number(names.wire)
            links.delete(names.wire)
            bridge = links.find(names.bridge)
            for name in self._config.interfaces.values():
                link = links.find(name)
                if link is not None and bridge is not None and link.master == bridge.index:
                    links.release(name)
        self._joined.pop(network_id, None)
        self._routers.pop(network_id, None)
        self.tunnels.forget(network_id, number)

    def broken(
        self, tables: Collection[tuple[str, str]], links: Mapping[str, Link]
    ) -> Sequence[str]:
        """Return the networks whose wire is not there, not on the bridge, or leads elsewhere."""
        torn = [
            network_id
            for network_id, (names, wire) in [*self._joined.items()]
            if (link := links.get(wire)) is None
            or (bridge := links.get(names.bridge)) is None
            or link.master != bridge.index
        ]
        return [*torn, *self.tunnels.broken(tables)]

    def release(self) -> None:
        """No network is left."""
        self.tunnels.release()

    def _ensure_physical(
        self, network: NetworkWiring, names: NetworkNames, segment: Segment
    ) -> None:
        interface = self._config.interfaces.get(segment.physical_network)
        if interface is None:
            raise DriverError(
                f"This host is not on the physical network {segment.physical_network} (NETWORK_INTERFACES)."
            )
        with Links.open() as links:
            if segment.network_type == "vlan":
                links.ensure(interface)
                links.ensure_vlan(names.wire, parent=interface, number=_number(segment))
                namespaces.write_sysctl(f"net/ipv6/conf/{names.wire}/disable_ipv6", "1")
                links.ensure(names.wire, alias=names.alias, mtu=network.mtu, master=names.bridge)
                return
            if links.addresses(interface):
                raise DriverError(
                    f"{interface} has addresses of this host's own; a flat network takes the whole "
                    "interface, and the host would be cut off. Give it one without addresses."
                )
            if links.get(interface).master not in (0, links.get(names.bridge).index):
                raise DriverError(
                    f"{interface} is on another bridge; a flat network takes the whole interface."
                )
            namespaces.write_sysctl(f"net/ipv6/conf/{interface}/disable_ipv6", "1")
            links.ensure(interface, master=names.bridge)


def close_bridge(name: str, *, answers: bool) -> None:
    """Keep the host from having an IPv6 address on a bridge; one that answers for neighbours has IPv6 all the same."""
    base = f"net/ipv6/conf/{name}"
    if answers and namespaces.read_sysctl(f"{base}/addr_gen_mode") == "1":
        return
    namespaces.write_sysctl(f"{base}/disable_ipv6", "1")
    if answers:
        namespaces.write_sysctl(f"{base}/accept_ra", "0")
        namespaces.write_sysctl(f"{base}/addr_gen_mode", "1")
        namespaces.write_sysctl(f"{base}/disable_ipv6", "0")


def _number(segment: Segment) -> int:
    if segment.segmentation_id is None:
        raise DriverError("A segment has no number.", detail=segment.network_type)
    return segment.segmentation_id
