"""What the control plane tells a host about networks and ports.

Payloads are levels, not changes: a PortWiring says how the port shall be on this host, with its
network as it is now. ``revision`` grows with every change of a network, so an older picture that
arrives late is not applied over a newer one.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Part, VersionedObject, unless_used

RaMode = Literal["", "slaac", "dhcpv6-stateless", "dhcpv6-stateful"]


class HostRoute(Part):
    """A route handed out by DHCP (RFC 3442)."""

    destination: str
    nexthop: str


class SubnetWiring(Part):
    """A subnet as a host needs it. Addresses and networks in their usual text form.

    ``routed``: the gateway's address is that of a router, or of the provider's, which this host
    reaches on the network's wire or has itself; so nothing else here has it.
    """

    id: str
    ip_version: Literal[4, 6]
    cidr: str
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dhcp_server_ip: str | None = None  # the address the host's DHCP server answers from
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[HostRoute, ...] = ()
    routed: bool = False
    ipv6_ra_mode: RaMode = (
        ""  # how routers tell guests to get an address; "": no router of ours tells
    )
    ipv6_address_mode: RaMode = ""  # how the network's own servers answer; "": not at all


class Segment(Part):
    """What joins a network's wires on several hosts: ``segmentation_id`` is a VNI, or a VLAN of a physical network."""

    network_type: Literal["vxlan", "vlan", "flat"]
    segmentation_id: int | None = Field(default=None, ge=1, lt=2**24)
    physical_network: str = ""


class NetworkWiring(VersionedObject):
    """A network on one host.

    ``kind`` isolated: a bridge and a namespace of its own, NAT outwards. ``kind`` flat: the shared
    provider network, whose bridge is in the root namespace. Without a ``segment`` it is one wire on
    each host.
    """

    VERSION: ClassVar[str] = "1.3"
    DOWNGRADES: ClassVar[Any] = {
        3: lambda data: _without_modes(data),
        2: lambda data: _unsegmented(data),
        1: lambda data: _unrouted(data),
    }

    id: str
    project_id: str
    revision: int = Field(ge=0)
    kind: Literal["isolated", "flat"]
    mtu: int = 1500
    dns_domain: str = "cloudweb.internal"
    subnets: tuple[SubnetWiring, ...] = ()
    nat: bool = True
    segment: Segment | None = None

    @property
    def is_forwarded(self) -> bool:
        """Tell whether a host must know where the ports are to reach them."""
        return self.segment is not None and self.segment.network_type == "vxlan"


class FixedAddress(Part):
    """An address of a port."""

    subnet_id: str
    ip_address: str


class SecurityRule(Part):
    """One accepting rule, resolved: groups are already lists of addresses.

    ``protocol`` is a name or a number as text, None for any; ports are None for any; for ICMP they
    hold type and code. ``remotes`` are networks in CIDR form; empty means anybody. A rule whose
    remote group has no members is not sent at all.
    """

    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6"]
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    remotes: tuple[str, ...] = ()


class GroupRule(Part):
    """One accepting rule about the members of a group on the port's network, whoever they are.

    It is apart from ``rules`` so that a host which does not know it lets nobody in, rather than all.
    """

    direction: Literal["ingress", "egress"]
    ethertype: Literal["IPv4", "IPv6"]
    protocol: str | None = None
    port_min: int | None = None
    port_max: int | None = None
    group_id: str


class GroupMembers(VersionedObject):
    """All members of a group on one network: networks in CIDR form, of both IP versions.

    A host that has a newer generation keeps it.
    """

    VERSION: ClassVar[str] = "1.0"

    network_id: str
    group_id: str
    generation: int = Field(ge=1)
    members: tuple[str, ...] = ()


class MembersChange(Part):
    """What entered and left a set of members after the generation ``since``.

    It says of every block that changed whether it is in now, so whoever is further may apply it too;
    who is not as far keeps what it has and says so.
    """

    group_id: str
    since: int = Field(ge=1)
    generation: int = Field(ge=1)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class GroupStatus(Part):
    """The generation of a set of members that a host has; 0 where filters name one that it lacks."""

    network_id: str
    group_id: str
    generation: int = Field(ge=0, le=2**53)


class ForwardingEntry(Part):
    """Where a port of a network is: behind ``endpoint``, the tunnel address of its host.

    ``roams``: it may send from other addresses besides, so questions for addresses must reach it.
    ``goes_to``: its guest is on its way behind that endpoint, and may be there already.
    """

    mac: str
    addresses: tuple[str, ...] = ()
    endpoint: str
    roams: bool = False
    goes_to: str = ""


class ForwardingTable(VersionedObject):
    """Where all ports of a network are, that of the host it is told to among them.

    A host that has a newer generation keeps it.
    """

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[Any] = {1: lambda data: _without_ways(data)}

    network_id: str
    generation: int = Field(ge=1)
    entries: tuple[ForwardingEntry, ...] = ()


class ForwardingChange(Part):
    """Which ports of a network are elsewhere, or nowhere (``gone``, by MAC), after the generation ``since``.

    As with members, whoever is further may apply it too.
    """

    since: int = Field(ge=1)
    generation: int = Field(ge=1)
    entries: tuple[ForwardingEntry, ...] = ()
    gone: tuple[str, ...] = ()


class ForwardingStatus(Part):
    """The generation of a network's forwarding table that a host has; 0 where it lacks one."""

    network_id: str
    generation: int = Field(ge=0, le=2**53)


class BandwidthLimit(Part):
    """How much traffic may pass; ``burst_kbits`` of it at once, 0 for what suits the rate."""

    max_kbps: int = Field(ge=1)
    burst_kbits: int = Field(default=0, ge=0)


class PortQos(Part):
    """What a port's traffic is held to; ``ingress`` is towards the guest. ``dscp`` marks what it sends."""

    ingress: BandwidthLimit | None = None
    egress: BandwidthLimit | None = None
    dscp: int | None = Field(default=None, ge=0, le=63)


class DhcpOption(Part):
    """An option for DHCP's answers to one port, by its name or number, as its owner wrote it."""

    name: str
    value: str
    ip_version: Literal[4, 6] = 4


class TrunkPlace(Part):
    """Where a port is carried: in those frames of another port's tap that bear this VLAN's number."""

    port_id: str
    tap: str
    segmentation_id: int = Field(ge=1, le=4094)


class PortWiring(VersionedObject):
    """A port on one host, with its network.

    ``groups`` are those sets of members that the port's rules name and the host has not confirmed, and so
    is ``forwarding``. A port with a ``router_id`` is no guest's card but that router's end of a wire.
    One that is ``stateless`` lets no answer through for what it answers: each packet needs a rule.
    One that is ``carried`` has no card of its own: its tap is a VLAN of another port's.
    """

    VERSION: ClassVar[str] = "1.9"
    DOWNGRADES: ClassVar[Any] = {
        9: lambda data: without_ways(data),
        8: unless_used("carried", None),
        7: lambda data: without_domain(data),
        6: unless_used("stateless", False),
        5: lambda data: without_modes(data),
        4: lambda data: without_segment(data),
        3: unless_used("qos", None),
        2: lambda data: _no_router_port(data),
        1: lambda data: _without(data, "group_rules", "groups"),
    }

    id: str
    project_id: str
    device_id: str = ""
    revision: int = Field(ge=0)
    mac: str
    tap: str
    hostname: str = ""
    dns_domain: str = ""  # where its host name is known besides the network's
    addresses: tuple[FixedAddress, ...] = ()
    allowed_pairs: tuple[tuple[str, str], ...] = ()  # (MAC, network in CIDR form)
    port_security: bool = True
    admin_up: bool = True
    rules: tuple[SecurityRule, ...] = ()
    group_rules: tuple[GroupRule, ...] = ()
    groups: tuple[GroupMembers, ...] = ()
    network: NetworkWiring
    router_id: str = ""
    qos: PortQos | None = None
    forwarding: ForwardingTable | None = None
    dhcp_options: tuple[DhcpOption, ...] = ()
    stateless: bool = False
    carried: TrunkPlace | None = None

    @property
    def named_groups(self) -> frozenset[str]:
        """The groups whose members its rules name."""
        return frozenset(rule.group_id for rule in self.group_rules)


class PortRef(VersionedObject):
    """Names a port in an order that takes it away."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    network_id: str
    tap: str


class PortStatus(VersionedObject):
    """A port as a host sees it; ``groups`` and ``forwarding`` are told when it has just been plugged."""

    VERSION: ClassVar[str] = "1.2"
    DOWNGRADES: ClassVar[Any] = {
        2: lambda data: _without(data, "forwarding"),
        1: lambda data: _without(data, "groups"),
    }

    id: str
    network_id: str
    tap: str
    up: bool  # the tap is on its bridge and lets frames through
    groups: tuple[GroupStatus, ...] = ()
    forwarding: ForwardingStatus | None = None


class NetworkPicture(VersionedObject):
    """The ports of one network on a host that shall be as said, if they are still there.

    ``groups`` are sets of members told as a whole, ``changes`` those of which the host has most; so
    ``forwarding`` is the whole table of a network that spans hosts, ``moves`` what changed in it.
    """

    VERSION: ClassVar[str] = "1.9"
    DOWNGRADES: ClassVar[Any] = {
        9: lambda data: {
            **without_ways(without_ways(data), "moves"),
            "ports": [without_ways(port) for port in data["ports"]],
        },
        8: lambda data: {**data, "ports": [without_trunk(port) for port in data["ports"]]},
        7: lambda data: {**data, "ports": [without_domain(port) for port in data["ports"]]},
        6: lambda data: {**data, "ports": [without_stateless(port) for port in data["ports"]]},
        5: lambda data: {**data, "ports": [without_modes(port) for port in data["ports"]]},
        4: lambda data: _without(
            {**data, "ports": [without_segment(port) for port in data["ports"]]},
            "forwarding",
            "moves",
        ),
        # filters must not wait for a limit: a port that has one was never plugged there
        3: lambda data: {**data, "ports": [_without(port, "qos") for port in data["ports"]]},
        2: lambda data: {**data, "ports": [_no_router_port(port) for port in data["ports"]]},
        1: lambda data: _without(
            {**data, "ports": [_without(port, "group_rules", "groups") for port in data["ports"]]},
            "groups",
            "changes",
        ),
    }

    id: str
    ports: tuple[PortWiring, ...]
    groups: tuple[GroupMembers, ...] = ()
    changes: tuple[MembersChange, ...] = ()
    forwarding: ForwardingTable | None = None
    moves: ForwardingChange | None = None


class NetworkConfirmation(VersionedObject):
    """Those of a picture's ports and sets that are on the host, as they are now."""

    VERSION: ClassVar[str] = "1.2"
    DOWNGRADES: ClassVar[Any] = {
        2: lambda data: _without(without_places(data, "ports"), "forwarding"),
        1: lambda data: _without(
            {**data, "ports": [_without(port, "groups") for port in data["ports"]]}, "groups"
        ),
    }

    id: str
    ports: tuple[PortStatus, ...]
    groups: tuple[GroupStatus, ...] = ()
    forwarding: ForwardingStatus | None = None


class PortMilestone(Part):
    """Something a guest did on its port for the first time since it was plugged; ``at`` is a Unix time."""

    network_id: str
    port_id: str
    kind: Literal["dhcp", "metadata"]
    at: float


class NetworkInventory(VersionedObject):
    """What a host has of networks. ``strays`` are taps that no wiring on the host's disk explains:
    shown to the operator, never taken away by the host on its own (OPERATIONS 37). ``capabilities`` are
    names of ``network.drivers.base``: what this host does beyond what every host must. ``network_types``
    of segments it can join, by ``tunnel_address`` and on ``physical_networks``."""

    VERSION: ClassVar[str] = "1.3"
    DOWNGRADES: ClassVar[Any] = {
        3: lambda data: _unjoined(data),
        2: lambda data: _without(data, "capabilities"),
        1: lambda data: _bare(data),
    }

    driver: str
    networks: tuple[str, ...] = ()
    ports: tuple[PortStatus, ...] = ()
    strays: tuple[PortStatus, ...] = ()
    problems: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    tunnel_address: str = ""
    physical_networks: tuple[str, ...] = ()
    network_types: tuple[str, ...] = ()


class RouterStatus(Part):
    """A router as a host has it: the revision that is in force there, 0 for one it lost the record of."""

    id: str
    revision: int = Field(ge=0)


class NetworkReport(VersionedObject):
    """The network agent's part of a report.

    ``inventory`` is there when something in it needs a look or no longer does, is asked for, or was not
    told for a minute. ``lost`` are ports whose records were damaged: the host must be told again.
    ``groups`` are the sets of members here, with an inventory or when one is lacking; ``routers`` are
    there, with an inventory, or None. ``forwarding`` goes like groups.
    """

    VERSION: ClassVar[str] = "1.4"
    DOWNGRADES: ClassVar[Any] = {
        4: lambda data: _without(
            {**data, "inventory": data["inventory"] and _unjoined(data["inventory"])}, "forwarding"
        ),
        3: lambda data: {**data, "inventory": _incapable(data["inventory"])},
        2: lambda data: _without(data, "routers"),
        1: lambda data: _without({**data, "inventory": _bare(data["inventory"])}, "groups"),
    }

    milestones: tuple[PortMilestone, ...] = ()
    inventory: NetworkInventory | None = None
    lost: tuple[str, ...] = ()
    groups: tuple[GroupStatus, ...] = ()
    routers: tuple[RouterStatus, ...] | None = None
    forwarding: tuple[ForwardingStatus, ...] = ()


def _unrouted(network: dict[str, Any]) -> dict[str, Any]:
    """Return a network as release 1.0 reads it, to which no router is ever given."""
    return {**network, "subnets": [_without(subnet, "routed") for subnet in network["subnets"]]}


def without_segment(port: dict[str, Any]) -> dict[str, Any]:
    """Return a port as release 1.3 reads it; refuse to say it of a network that spans hosts."""
    network = _unsegmented(port["network"])
    return _without({**port, "network": network}, "forwarding")


def _unsegmented(network: dict[str, Any]) -> dict[str, Any]:
    """Return a network as release 1.1 reads it: a flat one is there as it always was, others cannot be said."""
    segment = network["segment"]
    if segment is not None and segment["network_type"] == "flat":
        return _without(network, "segment")
    return unless_used("segment", None)(network)


def without_ways(data: dict[str, Any], name: str = "forwarding") -> dict[str, Any]:
    """Return what has a table as release 1.8 of ports reads it, which learns of a move when it is over."""
    return {**data, name: data[name] and _without_ways(data[name])}


def _without_ways(table: dict[str, Any]) -> dict[str, Any]:
    return {**table, "entries": [_without(entry, "goes_to") for entry in table["entries"]]}


def without_trunk(port: dict[str, Any]) -> dict[str, Any]:
    """Return a port as release 1.7 reads it; refuse to say it of one that another carries."""
    return unless_used("carried", None)(port)


def without_domain(port: dict[str, Any]) -> dict[str, Any]:
    """Return a port as release 1.6 reads it: its name is known in the network's domain alone."""
    return _without(port, "dns_domain")


def without_modes(port: dict[str, Any]) -> dict[str, Any]:
    """Return a port as release 1.4 reads it: it announces all IPv6 subnets alike and knows no options of a port."""
    return _without({**port, "network": _without_modes(port["network"])}, "dhcp_options")


def _without_modes(network: dict[str, Any]) -> dict[str, Any]:
    modes = "ipv6_ra_mode", "ipv6_address_mode"
    return {**network, "subnets": [_without(subnet, *modes) for subnet in network["subnets"]]}


def without_places(data: dict[str, Any], *lists: str) -> dict[str, Any]:
    """Return an answer about ports as release 1.1 of their status reads it."""
    return {**data} | {
        name: [_without(port, "forwarding") for port in data[name]] for name in lists
    }


def _unjoined(inventory: dict[str, Any]) -> dict[str, Any]:
    return _without(
        without_places(inventory, "ports", "strays"),
        "tunnel_address",
        "physical_networks",
        "network_types",
    )


def without_stateless(port: dict[str, Any]) -> dict[str, Any]:
    """Return a port as release 1.5 reads it, which lets all answers through; refuse to say it of one that does not."""
    return unless_used("stateless", False)(port)


def without_qos(port: dict[str, Any]) -> dict[str, Any]:
    """Return a port as release 1.2 reads it; refuse to say it without a limit that it has."""
    return unless_used("qos", None)(port)


def _incapable(inventory: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if inventory is None else _without(inventory, "capabilities")


def _no_router_port(port: dict[str, Any]) -> dict[str, Any]:
    return unless_used("router_id", "")({**port, "network": _unrouted(port["network"])})


def _without(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def _bare(inventory: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return an inventory as release 1.0 of its ports' status reads it."""
    if inventory is None:
        return None
    lists = {
        name: [_without(port, "groups") for port in inventory[name]] for name in ("ports", "strays")
    }
    return {**inventory, **lists}


def tap_name(port_id: str) -> str:
    """Return the interface name of a port: within the kernel's 15 characters, unique enough by 44 bits."""
    return f"tap{port_id.replace('-', '')[:11]}"
