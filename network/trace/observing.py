"""What hosts see of a packet's way, said hop by hop beside what was intended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from network.objects import PortWiring
from network.trace import sights
from network.trace.facts import OBSERVED, Observed, PortFacts, RouterFacts
from network.trace.matching import own_subnet, within
from network.trace.objects import PortLook, Sighting, WayLook
from network.trace.steps import Named, Steps, port_thing, router_thing
from network.trace.words import port_words, router_words


@dataclass
class Observing(Steps):
    """Steps that ask hosts; ``sender`` is the card by which the packet came onto the wire it is on."""

    sender: PortWiring | None = None
    silent: set[str] = field(default_factory=set)

    def look_at_port(
        self,
        port: PortFacts,
        direction: Literal["egress", "ingress"],
        *,
        to: PortFacts | None = None,
    ) -> None:
        """Say how a port's tap, lease and filters are found on its host."""
        wiring, packet = port.wiring, self.packet
        own = packet.source if direction == "egress" else packet.destination
        subnet = own_subnet(wiring, own)
        held = {one.ip_address for one in wiring.addresses}
        macs = [mac for mac, block in wiring.allowed_pairs if within(own, [block])]
        look = PortLook(
            port_id=wiring.id,
            network_id=wiring.network.id,
            tap=wiring.tap,
            mac=wiring.mac if own in held or not macs else macs[0],
            direction=direction,
            source=packet.source,
            destination=packet.destination,
            protocol=packet.protocol,
            port=packet.port,
            leases=own in held and subnet is not None and _gives(subnet.enable_dhcp, own),
            carrier=wiring.carried.port_id if wiring.carried is not None else "",
            carrier_tap=wiring.carried.tap if wiring.carried is not None else "",
            to_mac=to.wiring.mac if to is not None else "",
            to_port=to.wiring.id if to is not None and not to.wiring.router_id else "",
        )
        self._note(port.seen.host, port_words(port), port_thing(port), look)

    def look_at_router(self, router: RouterFacts) -> None:
        """Say whether a router is whole where it is."""
        what, thing = router_words(router), router_thing(router)
        self._note(router.seen.host, what, thing, router.wiring.id)

    def look_at_way(self, taker: PortWiring, host: str, what: str, thing: Named) -> None:
        """Say whether the host that the packet is on, and the taker's, know the way to each other."""
        if not taker.network.is_forwarded or not self.at or not host or host == self.at:
            return
        self._look_at_way(self.at, taker, what, {**thing, "host": self.at}, ends_at=host)
        sender = self.sender
        if sender is not None and sender.network.id == taker.network.id:
            whom = f"what sends to {what}"
            self._look_at_way(host, sender, whom, {**thing, "host": host}, ends_at=self.at)

    def _look_at_way(
        self, host: str, taker: PortWiring, what: str, thing: Named, *, ends_at: str
    ) -> None:
        endpoint = self.facts.endpoint(ends_at)
        if endpoint:  # else nobody knows where it should lead
            way = WayLook(network_id=taker.network.id, mac=taker.mac, endpoint=endpoint)
            self._note(host, what, thing, way)

    def _note(self, host: str, what: str, thing: Named, about: PortLook | WayLook | str) -> None:
        """Add what a host says; end at what stops the packet."""
        seen = self.facts.look(host, about)
        if seen is None:
            return
        if seen.problem and host not in self.silent:
            self.silent.add(host)
            self.says(
                "observation",
                f"The host of {what} was asked what it sees, and {seen.problem}.",
                "Try again; if it stays so, an operator must look at the host.",
                passes=None,
                source=OBSERVED,
                at=seen.at,
                **thing,
            )
        known = [one for one in seen.sightings if one.kind in sights.KINDS]
        fine = [one for one in known if one.passes]
        if fine:
            text = sights.passing(what, fine)
            self.says(
                "observation", text, source=OBSERVED, at=seen.at, detail=_details(fine), **thing
            )
        for one in known:
            self._tell(one, what, thing, seen)

    def _tell(self, one: Sighting, what: str, thing: Named, seen: Observed) -> None:
        """Say what is not as it should be."""
        if one.passes:
            return
        told = sights.failing(what, one)
        if told is None:
            return
        self.says(one.kind, told[0], told[1], passes=one.passes, source=OBSERVED, at=seen.at,
                  detail=_details([one]), **thing)  # fmt: skip
        if one.passes is False:
            self.end()


def _gives(enabled: bool, address: str) -> bool:
    """Tell whether DHCP gives out such an address; of IPv6 guests make most themselves."""
    return enabled and ":" not in address


def _details(sightings: Iterable[Sighting]) -> str:
    return "; ".join(
        f"{one.source}: {one.detail}" if one.detail else one.source for one in sightings
    )
