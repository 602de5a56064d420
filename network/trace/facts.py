"""What is known of the way of a packet: as it was intended, and what hosts said of it.

``wiring`` is what hosts are told, so a trace judges by the very words that filters and routes are made of.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from network.objects import NetworkWiring, PortWiring
from network.routers.objects import RouterWiring
from network.trace.objects import PortLook, Sighting, WayLook

#: Where a hop is known from: what was asked for, what hosts report by themselves, what they saw just now.
INTENDED, REPORTED, OBSERVED = "intended", "reported", "observed"


@dataclass(frozen=True, slots=True)
class Packet:
    """What is followed; ``protocol`` is a number. For ICMP it is a ping, else ``port`` is where it goes.

    ``is_answer``: it goes back, for ICMP as an echo reply.
    """

    source: str
    destination: str
    protocol: int
    port: int | None = None
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class OnHost:
    """Where a thing is, and what its host said of it; ``current``: it confirmed the newest picture.

    ``at`` is when that host was heard last. ``everywhere``: it is on no host of its own, but on all.
    """

    host: str = ""
    everywhere: bool = False
    at: datetime | None = None
    host_up: bool = True
    there: bool = True
    current: bool = True


@dataclass(frozen=True, slots=True)
class PortFacts:
    """A port; ``groups`` are the names of its security groups."""

    wiring: PortWiring
    name: str = ""
    owner: str = ""
    admin_up: bool = True
    network_up: bool = True
    network_name: str = ""
    groups: Sequence[str] = ()
    seen: OnHost = OnHost()


@dataclass(frozen=True, slots=True)
class RouterFacts:
    """A router."""

    wiring: RouterWiring
    name: str = ""
    seen: OnHost = OnHost()


@dataclass(frozen=True, slots=True)
class FloatingFacts:
    """A floating IP; ``router_id`` is empty while it leads nowhere."""

    id: str
    project_id: str
    address: str
    router_id: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen of a thing just now; ``problem`` says why its host saw nothing."""

    at: datetime
    sightings: Sequence[Sighting] = ()
    problem: str = ""


class Facts(Protocol):
    """What may be asked about the cloud on the way. ``is_distributed``: OVN joins networks on all hosts."""

    @property
    def is_distributed(self) -> bool:
        """Tell whether networks and routers are on all hosts."""

    def endpoint(self, host: str) -> str:
        """Return where a host's tunnels end; empty where nobody knows."""

    def look(self, host: str, about: PortLook | WayLook | str) -> Observed | None:
        """Return what a host sees of a port, a way, or a router (by its id); None while it was not asked yet."""

    def sees(self, project_id: str) -> bool:
        """Tell whether the asker may know what is this project's."""

    def port_at(self, network_id: str, address: str) -> PortFacts | None:
        """Return the port that has an address on a network."""

    def router(self, router_id: str) -> RouterFacts | None:
        """Return a router."""

    def floating(self, network_id: str, address: str) -> FloatingFacts | None:
        """Return a floating IP of an external network by its address."""

    def external(self, address: str) -> NetworkWiring | None:
        """Return the external network that an address is on."""

    def members(self, group_id: str, network_id: str) -> Collection[str]:
        """Return the blocks of a security group's members, as ports on a network know them."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One place on the way. ``passes`` None: nobody here can tell.

    ``remedy`` says what to do where it stops. ``thing`` is a noun of the API; without an ``id`` it is
    none that the asker may know. ``source`` is where that is known from, and ``at`` of when it is; what was
    intended holds now. ``host`` and ``detail`` are for operators.
    """

    kind: str
    passes: bool | None
    text: str
    remedy: str = ""
    thing: str = ""
    id: str = ""
    name: str = ""
    host: str = ""
    source: str = INTENDED
    at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a packet got."""

    packet: Packet
    hops: Sequence[Hop]

    @property
    def verdict(self) -> str:
        """``reaches``, ``stopped``, or ``unknown`` where the way leads out of sight or a host is behind."""
        if any(hop.passes is False for hop in self.hops):
            return "stopped"
        return "unknown" if any(hop.passes is None for hop in self.hops) else "reaches"

    @property
    def stopped_at(self) -> int | None:
        """The place in ``hops`` of the first that stops it, or after which nobody knows."""
        for passes in (False, None):
            for place, hop in enumerate(self.hops):
                if hop.passes is passes:
                    return place
        return None
