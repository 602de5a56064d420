"""What the writer knows of a network or router: plain values, read from our tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from network.objects import PortQos
from network.routers.objects import AddressLimit


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """An accepting rule; ``protocol`` is a number or None for any.

    ``stateful``: answers need no rule of their own. Of a rule about a list of addresses ``blocks`` are those
    of its IP version; none at all accept nobody.
    """

    id: UUID
    direction: str
    version: int
    protocol: int | None
    port_min: int | None
    port_max: int | None
    prefix: str = ""
    remote_group: UUID | None = None
    blocks: Sequence[str] | None = None
    stateful: bool = True


@dataclass(frozen=True, slots=True)
class SubnetFacts:
    """A subnet; ``server`` is the address that metadata is asked at, by way of a route."""

    id: UUID
    revision: int
    version: int
    cidr: str
    gateway: str = ""
    dhcp: bool = True
    server: str = ""
    dns: Sequence[str] = ()
    routes: Sequence[tuple[str, str]] = ()
    ra_mode: str = ""
    address_mode: str = ""


@dataclass(frozen=True, slots=True)
class PortFacts:
    """A port of a guest's; ``addresses`` are (subnet, address), ``pairs`` (MAC address, block).

    One that is in a trunk has its ``parent`` and the ``tag`` of its frames there. ``qos`` is what its
    guest is held to, ``options`` what DHCP tells it besides: (name, value, version of IP).
    """

    id: UUID
    revision: int
    mac: str
    addresses: Sequence[tuple[UUID, str]] = ()
    pairs: Sequence[tuple[str, str]] = ()
    secured: bool = True
    up: bool = True
    host: str = ""
    moving_to: str = ""
    hostname: str = ""
    groups: Sequence[UUID] = ()
    parent: UUID | None = None
    tag: int | None = None
    qos: PortQos | None = None
    options: Sequence[tuple[str, str, int]] = ()


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """A network with its ports.

    ``rules`` are those of the groups of its ports, ``members`` who is in the groups that they name: on this
    network and on those that routers join to it.
    """

    id: UUID
    revision: int
    name: str = ""
    mtu: int = 1442
    domain: str = ""
    up: bool = True
    wire: str = ""
    tag: int | None = None
    subnets: Sequence[SubnetFacts] = ()
    ports: Sequence[PortFacts] = ()
    rules: Mapping[UUID, Sequence[RuleFacts]] = field(default_factory=dict)
    members: Mapping[UUID, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LegFacts:
    """A router's port; ``addresses`` are with their lengths, ``subnets`` the blocks behind it."""

    port_id: UUID
    network_id: UUID
    mac: str
    addresses: Sequence[str]
    subnets: Sequence[SubnetFacts] = ()
    mtu: int = 1500


@dataclass(frozen=True, slots=True)
class FloatingFacts:
    """A floating IP that leads to an address of a port on ``host``; ``mac`` is that of its own port."""

    id: UUID
    revision: int
    address: str
    fixed: str
    port_id: UUID
    mac: str


@dataclass(frozen=True, slots=True)
class ForwardingFacts:
    """Ports of a floating IP that lead to as many, or to one, of an address inside."""

    floating_id: UUID
    address: str
    protocol: str
    first: int
    last: int
    fixed: str
    fixed_first: int
    fixed_last: int
    port_id: UUID


@dataclass(frozen=True, slots=True)
class RouterFacts:
    """A router with all that it has; ``hosts`` are those of its gateway, the first is preferred.

    ``untranslated`` are blocks inside that mean the same outside.
    """

    id: UUID
    revision: int
    name: str = ""
    up: bool = True
    snat: bool = True
    legs: Sequence[LegFacts] = ()
    gateway: LegFacts | None = None
    next_hops: Sequence[str] = ()
    routes: Sequence[tuple[str, str]] = ()
    floating: Sequence[FloatingFacts] = ()
    forwardings: Sequence[ForwardingFacts] = ()
    hosts: Sequence[str] = ()
    untranslated: Sequence[str] = ()
    limits: Sequence[AddressLimit] = ()
