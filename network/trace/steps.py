"""What every place on the way has in common: how it is said, where a thing is, what filters let through."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, TypedDict, Unpack

from network.objects import NetworkWiring
from network.trace.facts import (
    REPORTED,
    Facts,
    Hop,
    OnHost,
    Packet,
    PortFacts,
    RouterFacts,
    Trace,
)
from network.trace.matching import Members, accepts, answer_to
from network.trace.words import groups_words, port_words, sentence, traffic

METADATA = "169.254.169.254"
MOST_HOPS = 40  # more is a loop


class Named(TypedDict, total=False):
    """What a hop is about, and where that is."""

    thing: str
    id: str
    name: str
    host: str


class Known(TypedDict, total=False):
    """Where a hop is known from."""

    source: str
    at: datetime | None
    detail: str


class About(Named, Known, total=False):
    """Both."""


class EndError(Exception):
    """The last hop was said."""


@dataclass
class Steps:
    """A packet on its way; ``at`` is the host it is on where that matters."""

    facts: Facts
    packet: Packet
    hops: list[Hop] = field(default_factory=list)
    at: str = ""
    by: RouterFacts | None = None  # the router that it came by last

    def __post_init__(self) -> None:
        self.first = self.packet

    def ended(self, steps: Callable[[], object]) -> Trace:
        """Take the steps to their end."""
        with suppress(EndError):
            steps()
        return Trace(self.first, tuple(self.hops))

    def says(
        self,
        kind: str,
        text: str,
        remedy: str = "",
        *,
        passes: bool | None = True,
        **more: Unpack[About],
    ) -> None:
        """Note a hop; go on."""
        self.hops.append(Hop(kind=kind, passes=passes, text=text, remedy=remedy, **more))
        if len(self.hops) > MOST_HOPS:
            self.hops.append(Hop("loop", False, "It goes in a circle.", "Look at the routes."))
            raise EndError

    def stops(
        self,
        kind: str,
        text: str,
        remedy: str = "",
        *,
        passes: bool | None = False,
        **more: Unpack[About],
    ) -> NoReturn:
        """Note the last hop."""
        self.says(kind, text, remedy, passes=passes, **more)
        self.end()

    def end(self) -> NoReturn:
        """Nothing more is said."""
        raise EndError

    def on_host(self, port: PortFacts, whose: str) -> None:
        what, thing, seen = port_words(port), port_thing(port), port.seen
        told = reported(seen)
        if not port.network_up:
            self.stops(
                "network", f"Network {network_name(port)} is switched off.", "Switch it on.",
                thing="network", id=port.wiring.network.id, name=port.network_name,
            )  # fmt: skip
        if not port.admin_up:
            self.stops("port", f"{whose} {what} is switched off.", "Switch it on.", **thing)
        if not seen.host:
            used = bool(port.wiring.device_id)
            self.stops(
                "port",
                f"{whose} {what} is on no host.",
                "Look at its server: it was not built yet, or could not be."
                if used
                else "Attach it to a server.",
                **thing,
            )
        if not seen.host_up:
            self.stops(
                "host",
                f"The host of {what} does not answer.",
                "An operator must look at the host.",
                **told,
                **thing,
            )  # fmt: skip
        if not seen.there:
            self.stops(
                "port",
                f"The host of {what} does not have it plugged.",
                "Start its server; if it runs, an operator must look at the host's problems.",
                **told,
                **thing,
            )  # fmt: skip
        self.says("port", f"{whose} {what} is plugged on its host.", **told, **thing)
        self.behind(seen, what, thing)

    def behind(self, seen: OnHost, what: str, thing: Named) -> None:
        """Note that a host has not confirmed what it was told last."""
        if not seen.current:
            self.says(
                "revision",
                f"The host has not confirmed the last change of {what} yet, so what it does may "
                "still be older.",
                "Wait a moment; if it stays so, an operator must look at the host.",
                passes=None,
                **reported(seen),
                **thing,
            )  # fmt: skip

    def same_host(self, network: NetworkWiring, host: str, what: str, thing: Named) -> None:
        """A network that nothing joins between hosts is a wire on each of its own."""
        joined = network.segment is not None or network.kind == "flat" or self.facts.is_distributed
        if joined or not self.at or not host or host == self.at:
            return
        self.stops(
            "wire",
            f"The {what} is on another host, and the network is one wire on each host: nothing joins "
            "them.",
            "Use a network that spans hosts, or let the servers be on one host.",
            **thing,
        )  # fmt: skip

    def _answered(self, port: PortFacts, direction: str, members: Members) -> None:
        """Groups without state let no answer through that no rule of theirs does."""
        back = answer_to(self.packet)
        if accepts(port.wiring, back, direction=direction, members=members):
            return
        self.stops(
            "security_groups",
            f"The security groups of {port_words(port)} are stateless, and no rule of theirs lets the "
            f"answers {'out' if direction == 'egress' else 'in'}.",
            "Add a rule for the answers, or use a stateful security group.",
            **port_thing(port),
        )

    def filtered(self, port: PortFacts, direction: str) -> None:
        wiring, packet, thing = port.wiring, self.packet, port_thing(port)
        entering = direction == "ingress"
        other = f"from {packet.source}" if entering else f"to {packet.destination}"
        if not wiring.port_security:
            self.says("security_groups", f"{sentence(port_words(port))} is not filtered.", **thing)
            return

        def members(group_id: str) -> Collection[str]:
            return self.facts.members(group_id, wiring.network.id)

        if packet.destination == METADATA and not entering:
            return
        if accepts(wiring, packet, direction=direction, members=members):
            self.says(
                "security_groups",
                f"The security groups of {port_words(port)} let {traffic(packet)} "
                f"{'in' if entering else 'out'} {other}.",
                **thing,
            )
            if wiring.stateless:
                self._answered(port, "egress" if entering else "ingress", members)
            return
        has = "has" if len(port.groups) == 1 else "none has"
        rule = f"a rule that lets {traffic(packet)} {'in' if entering else 'out'} {other}"
        self.stops(
            "security_groups",
            f"{groups_words(port)} {has} {'no' + rule[1:] if has == 'has' else rule}.",
            f"Add {rule} to a security group of {port_words(port)}.",
            **thing,
        )


def port_thing(port: PortFacts) -> Named:
    return {
        "thing": "port", "id": port.wiring.id, "name": port.name, "host": port.seen.host,
    }  # fmt: skip


def router_thing(router: RouterFacts) -> Named:
    return {
        "thing": "router", "id": router.wiring.id, "name": router.name, "host": router.seen.host,
    }  # fmt: skip


def reported(seen: OnHost) -> Known:
    """Return from where a host's own reports are known."""
    return {"source": REPORTED, "at": seen.at}


def is_providers(network: NetworkWiring) -> bool:
    """Tell whether the gateway of a network is on the provider's wire."""
    segment = network.segment
    return network.kind == "flat" or (segment is not None and segment.network_type != "vxlan")


def network_name(port: PortFacts) -> str:
    return port.network_name or port.wiring.network.id
