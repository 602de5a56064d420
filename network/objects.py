"""What the control plane tells a host about networks and ports.

Payloads are levels, not changes: a PortWiring says how the port shall be on this host, with its
network as it is now. ``revision`` grows with every change of a network, so an older picture that
arrives late is not applied over a newer one.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Part, VersionedObject


class HostRoute(Part):
    """A route handed out by DHCP (RFC 3442)."""

    destination: str
    nexthop: str


class SubnetWiring(Part):
    """A subnet as a host needs it. Addresses and networks in their usual text form."""

    id: str
    ip_version: Literal[4, 6]
    cidr: str
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dhcp_server_ip: str | None = None  # the address the host's DHCP server answers from
    dns_nameservers: tuple[str, ...] = ()
    host_routes: tuple[HostRoute, ...] = ()


class NetworkWiring(VersionedObject):
    """A network on one host.

    ``kind`` isolated: a bridge and a namespace of its own, NAT outwards. ``kind`` flat: the shared
    provider network, whose bridge is in the root namespace.
    """

    VERSION: ClassVar[str] = "1.0"

    id: str
    project_id: str
    revision: int = Field(ge=0)
    kind: Literal["isolated", "flat"]
    mtu: int = 1500
    dns_domain: str = "cloudweb.internal"
    subnets: tuple[SubnetWiring, ...] = ()
    nat: bool = True


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


class PortWiring(VersionedObject):
    """A port on one host, with its network."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    project_id: str
    device_id: str = ""
    revision: int = Field(ge=0)
    mac: str
    tap: str
    hostname: str = ""
    addresses: tuple[FixedAddress, ...] = ()
    allowed_pairs: tuple[tuple[str, str], ...] = ()  # (MAC, network in CIDR form)
    port_security: bool = True
    admin_up: bool = True
    rules: tuple[SecurityRule, ...] = ()
    network: NetworkWiring


class PortRef(VersionedObject):
    """Names a port in an order that takes it away."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    network_id: str
    tap: str


class PortStatus(VersionedObject):
    """A port as a host sees it."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    network_id: str
    tap: str
    up: bool  # the tap is on its bridge and lets frames through


class NetworkPicture(VersionedObject):
    """The ports of one network on a host that shall be as said, if they are still there."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    ports: tuple[PortWiring, ...]


class NetworkConfirmation(VersionedObject):
    """Those of a picture's ports that are on the host, as they are now."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    ports: tuple[PortStatus, ...]


class PortMilestone(Part):
    """Something a guest did on its port for the first time since it was plugged; ``at`` is a Unix time."""

    network_id: str
    port_id: str
    kind: Literal["dhcp", "metadata"]
    at: float


class NetworkInventory(VersionedObject):
    """What a host has of networks. ``strays`` are taps that no wiring on the host's disk explains:
    shown to the operator, never taken away by the host on its own (OPERATIONS 37)."""

    VERSION: ClassVar[str] = "1.0"

    driver: str
    networks: tuple[str, ...] = ()
    ports: tuple[PortStatus, ...] = ()
    strays: tuple[PortStatus, ...] = ()
    problems: tuple[str, ...] = ()


class NetworkReport(VersionedObject):
    """The network agent's part of a report.

    ``inventory`` is there when something in it needs a look or no longer does, is asked for, or was not
    told for a minute. ``lost`` are ports whose records were damaged: the host must be told again.
    """

    VERSION: ClassVar[str] = "1.0"

    milestones: tuple[PortMilestone, ...] = ()
    inventory: NetworkInventory | None = None
    lost: tuple[str, ...] = ()


def tap_name(port_id: str) -> str:
    """Return the interface name of a port: within the kernel's 15 characters, unique enough by 44 bits."""
    return f"tap{port_id.replace('-', '')[:11]}"
