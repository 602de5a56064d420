"""The way of a packet, hop by hop: each says whether it passes, in a sentence, and what to do where it does not.

Pure: what it asks of the cloud are ``Facts``. It ends at the first hop that stops the packet, or from which on
nobody here can tell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from network import states
from network.objects import NetworkWiring, PortWiring
from network.protocols import ICMP, ICMPV6
from network.trace.facts import Facts, Packet, PortFacts, RouterFacts, Trace
from network.trace.matching import own_subnet, way, within
from network.trace.observing import Observing
from network.trace.steps import (
    METADATA,
    Named,
    is_providers,
    network_name,
    port_thing,
    reported,
    router_thing,
)
from network.trace.words import port_words, router_words, sentence, traffic

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


def from_port(facts: Facts, source: PortFacts, packet: Packet) -> Trace:
    """Follow what a port sends."""
    way_of = _Way(facts, packet)
    return way_of.ended(lambda: way_of.leave(source))


def from_outside(facts: Facts, outside: NetworkWiring, packet: Packet, *, name: str) -> Trace:
    """Follow what comes from outside the cloud by an external network."""
    way_of = _Way(facts, packet)
    way_of.says("outside", f"It comes from outside by network {name or outside.id}.",
                thing="network", id=outside.id, name=name)  # fmt: skip
    return way_of.ended(lambda: way_of.on_external(outside))


class _Way(Observing):
    """The places that a packet comes to."""

    # -- a port sends ------------------------------------------------------------------------------

    def leave(self, source: PortFacts) -> None:
        """Out of a guest, by its filters, to the next hop that it was told of."""
        wiring, thing = source.wiring, port_thing(source)
        self.on_host(source, "The sender's")
        self.at = source.seen.host
        held = {one.ip_address for one in wiring.addresses}
        subnet = own_subnet(wiring, self.packet.source)
        pairs = [block for _, block in wiring.allowed_pairs]
        if self.packet.source not in held and not within(self.packet.source, pairs):
            if wiring.port_security:
                self.stops(
                    "anti_spoofing",
                    f"{self.packet.source} is no address of {port_words(source)}, and what it sends "
                    "from others is dropped.",
                    "Send from its own address, or allow this one in allowed_address_pairs.",
                    **thing,
                )
        elif subnet is not None and not subnet.enable_dhcp:
            self.says(
                "dhcp",
                f"Subnet {subnet.cidr} has no DHCP: the guest has {self.packet.source} only if "
                "somebody configured it there.",
                thing="subnet", id=subnet.id, name=subnet.cidr,
            )  # fmt: skip
        self.filtered(source, "egress")
        if self.packet.destination == METADATA:
            self.look_at_port(source, "egress")
            self.stops("metadata", "The metadata service of its host answers.", passes=True)
        if subnet is None:
            self.stops(
                "next_hop",
                f"{self.packet.source} is on no subnet of network {network_name(source)}, so the guest "
                "has no way from it.",
                "Send from an address of one of its subnets.",
                **thing,
            )
        hop = way(subnet, self.packet.destination) if subnet is not None else None
        if hop is None and subnet is not None:
            self.stops(
                "next_hop",
                f"{self.packet.destination} is on another network, and subnet {subnet.cidr} has no "
                "gateway and no route there.",
                "Give the subnet a gateway, or a host route, and let the guest renew its lease.",
                thing="subnet", id=subnet.id, name=subnet.cidr,
            )  # fmt: skip
        taker = self.facts.port_at(wiring.network.id, str(hop))
        if taker is not None and not self.facts.sees(taker.wiring.project_id):
            taker = None
        self.look_at_port(source, "egress", to=taker)
        self.sender = wiring
        if hop == self.packet.destination:
            self._deliver(wiring.network, source.network_name)
        else:
            self._hand_to(source, str(hop))

    def _hand_to(self, source: PortFacts, hop: str) -> NoReturn:
        """To whatever has the next hop's address on the sender's network."""
        network = source.wiring.network
        device = self.facts.port_at(network.id, hop)
        if device is not None and device.owner in states.ROUTER_OWNERS:
            self._through(device.wiring)
        if device is not None:
            hidden = not self.facts.sees(device.wiring.project_id)
            self.stops(
                "next_hop",
                f"It is sent to {hop}, a guest's address: what becomes of it is that guest's to say."
                if not hidden
                else f"It is sent to {hop}, which is outside your project.",
                "Look at the guest: it must forward.",
                passes=None,
                **(Named() if hidden else port_thing(device)),
            )
        gateways = {subnet.gateway_ip for subnet in network.subnets}
        if hop in gateways and is_providers(network):
            self._provider(network, source.network_name)
        elif hop in gateways:
            self._by_own_gateway(source)
        self.stops(
            "next_hop",
            f"It is sent to {hop}, and no port on network {network_name(source)} has that address.",
            "Correct the subnet's gateway or host routes, or give a router that address.",
            thing="network", id=network.id, name=source.network_name,
        )  # fmt: skip

    def _by_own_gateway(self, source: PortFacts) -> NoReturn:
        """A network without a router has a gateway of its own: to the outside, and to no other network.

        Where networks are on all hosts it has none.
        """
        if self.facts.is_distributed:
            self.stops(
                "gateway",
                f"No router has the gateway of network {network_name(source)}, so it leads nowhere.",
                "Add its subnet to a router.",
                thing="network", id=source.wiring.network.id, name=source.network_name,
            )  # fmt: skip
        self.says(
            "gateway",
            f"No router has the gateway of network {network_name(source)}: its own leads to the outside "
            "by NAT, and to no other network of the cloud.",
            thing="network", id=source.wiring.network.id, name=source.network_name,
        )  # fmt: skip
        outside = self.facts.external(self.packet.destination)
        if outside is not None:
            self.on_external(outside)
        if within(self.packet.destination, PRIVATE):
            self.stops(
                "gateway",
                f"{self.packet.destination} is not outside, and no router joins the networks.",
                "Add both subnets to one router.",
                thing="network", id=source.wiring.network.id, name=source.network_name,
            )  # fmt: skip
        self.stops("outside", "It leaves the cloud.", passes=True)

    # -- a router passes it on ---------------------------------------------------------------------

    def _through(self, leg: PortWiring) -> NoReturn:
        router = self.facts.router(leg.router_id)
        if router is None or not self.facts.sees(router.wiring.project_id):
            self.stops(
                "router",
                "It comes to a router outside your project; what becomes of it there is not shown.",
                passes=None,
            )
        self._router_is_there(router, leg)
        self.by = router
        self._translate(router)
        self._onwards(router)

    def _router_is_there(self, router: RouterFacts, leg: PortWiring) -> None:
        what, thing, seen = router_words(router), router_thing(router), router.seen
        if not router.wiring.admin_up:
            self.stops("router", f"The {what} is switched off.", "Switch it on.", **thing)
        if seen.everywhere:
            self.says("router", f"It comes to the {what}, which is on every host.", **thing)
            self.look_at_router(router)
            self.at = ""
            return
        if not seen.host:
            self.stops(
                "router",
                f"No host has taken the {what} yet.",
                "A network host must be up: an operator sees them among the network agents.",
                **thing,
            )
        if not seen.host_up:
            self.stops(
                "router",
                f"The host of the {what} does not answer.",
                "An operator must look at the host.",
                **reported(seen),
                **thing,
            )  # fmt: skip
        if not seen.there:
            self.stops(
                "router",
                f"The host of the {what} has not made it yet.",
                "Wait a moment; if it stays so, an operator must look at the host's problems.",
                **reported(seen),
                **thing,
            )  # fmt: skip
        self.same_host(leg.network, seen.host, what, thing)
        self.look_at_way(leg, seen.host, what, thing)
        self.says("router", f"It comes to the {what}.", **reported(seen), **thing)
        self.behind(seen, what, thing)
        self.look_at_router(router)
        self.at = seen.host

    def _translate(self, router: RouterFacts) -> None:
        """Turn an address outside into what it leads to."""
        packet, wiring = self.packet, router.wiring
        for one in wiring.floating:
            if one.floating_ip == packet.destination:
                self.says("floating_ip", f"Floating IP {one.floating_ip} leads to {one.fixed_ip}.",
                          thing="floatingip", name=one.floating_ip)  # fmt: skip
                self.packet = replace(packet, destination=one.fixed_ip)
                return
        mine = [one for one in wiring.forwardings if one.floating_ip == packet.destination]
        for rule in mine:
            fits = rule.protocol.upper() == traffic(replace(packet, port=None))
            if fits and packet.port is not None and rule.first <= packet.port <= rule.last:
                ranged = rule.fixed_last > rule.fixed_first
                port = rule.fixed_first + (packet.port - rule.first if ranged else 0)
                self.says(
                    "port_forwarding",
                    f"{traffic(packet)} of floating IP {rule.floating_ip} is led to "
                    f"{rule.fixed_ip}, port {port}.",
                    thing="floatingip", name=rule.floating_ip,
                )  # fmt: skip
                self.packet = replace(packet, destination=rule.fixed_ip, port=port)
                return
        if mine:
            self.stops(
                "port_forwarding",
                f"Floating IP {packet.destination} leads single ports on, and {traffic(packet)} is "
                "none of them.",
                "Add a port forwarding.",
                thing="floatingip", name=packet.destination,
            )  # fmt: skip

    def _onwards(self, router: RouterFacts) -> NoReturn:
        """By the router's own networks, its routes, or its gateway."""
        wiring, packet, thing = router.wiring, self.packet, router_thing(router)
        own = {one.ip_address for port in wiring.ports for one in port.addresses}
        if packet.destination in own:
            if packet.protocol in (ICMP, ICMPV6):
                self.stops("router", "The router itself answers.", passes=True, **thing)
            self.stops(
                "router",
                f"{packet.destination} is the router's own address, which answers pings alone.",
                "Send it to the address of a server.",
                **thing,
            )
        for port in wiring.interfaces:
            if _on(port, packet.destination):
                self.sender = port
                self._deliver(port.network, "")
        fitting = [one for one in wiring.routes if within(packet.destination, [one.destination])]
        if fitting:
            best = max(fitting, key=lambda one: int(one.destination.rpartition("/")[2]))
            hop = best.nexthop
            self.says("route", f"Its route {best.destination} leads to {hop}.", **thing)
            for port in wiring.ports:
                if _on(port, hop):
                    self.sender = port
                    self._hand_on(port.network, hop)
        if wiring.gateway is None:
            self.stops(
                "router",
                f"The {router_words(router)} has no interface, no route and no gateway towards "
                f"{packet.destination}.",
                "Add the subnet there to the router, or give the router a gateway.",
                **thing,
            )
        self._leave_by(router, wiring.gateway)

    def _hand_on(self, network: NetworkWiring, hop: str) -> NoReturn:
        device = self.facts.port_at(network.id, hop)
        if device is not None and device.owner in states.ROUTER_OWNERS:
            self._through(device.wiring)
        shown = device is not None and self.facts.sees(device.wiring.project_id)
        self.stops(
            "route",
            f"What has {hop} must pass it on, which is not the cloud's to say.",
            "Look at what has that address: it must forward.",
            passes=None,
            **(port_thing(device) if shown and device is not None else Named()),
        )

    def _leave_by(self, router: RouterFacts, gateway: PortWiring) -> NoReturn:
        wiring, packet, thing = router.wiring, self.packet, router_thing(router)
        version = ":" in packet.destination
        fixed = {one.fixed_ip: one.floating_ip for one in reversed(wiring.floating)}
        outer = [one.ip_address for one in gateway.addresses if (":" in one.ip_address) == version]
        if not outer:
            self.stops(
                "router",
                f"The gateway of the {router_words(router)} has no address of this IP version.",
                "Give the external network a subnet of that version, and set the gateway anew.",
                **thing,
            )
        if packet.source in fixed:
            self.packet = replace(packet, source=fixed[packet.source])
            self.says("snat", f"It leaves as floating IP {self.packet.source}.",
                      thing="floatingip", name=self.packet.source)  # fmt: skip
        elif wiring.snat and not version and not within(packet.source, wiring.untranslated):
            self.packet = replace(packet, source=outer[0])
            self.says("snat", f"It leaves as the router's address {outer[0]}.", **thing)
        else:
            self.says(
                "snat",
                f"It leaves as {packet.source}: answers come only if the outside has a route back.",
                **thing,
            )
        if not wiring.next_hops and not _on(gateway, packet.destination):
            self.stops(
                "router",
                "The external network's subnet has no gateway, so nothing leads further.",
                "Give the external subnet a gateway: that is an operator's to do.",
                **thing,
            )
        self.sender = gateway
        self.on_external(gateway.network)

    # -- outside ------------------------------------------------------------------------------------

    def on_external(self, network: NetworkWiring) -> NoReturn:
        """On a network that leads outside: to a floating IP, a port there, or out of the cloud."""
        target = self.packet.destination
        if not any(within(target, [subnet.cidr]) for subnet in network.subnets):
            self._provider(network, "")
        found = self.facts.floating(network.id, target)
        if found is not None and self.facts.sees(found.project_id):
            thing: Named = {"thing": "floatingip", "id": found.id, "name": found.address}
            router = self.facts.router(found.router_id) if found.router_id else None
            if router is None or router.wiring.gateway is None:
                self.stops(
                    "floating_ip",
                    f"Floating IP {target} leads nowhere.",
                    "Attach it to a server.",
                    **thing,
                )
            self._through(router.wiring.gateway)
        self._deliver(network, "")

    def _provider(self, network: NetworkWiring, name: str) -> NoReturn:
        self.stops(
            "outside",
            f"It leaves the cloud for {self.packet.destination}, by the provider's network.",
            passes=True,
            thing="network", id=network.id, name=name,
        )  # fmt: skip

    # -- a port receives ----------------------------------------------------------------------------

    def _deliver(self, network: NetworkWiring, name: str) -> NoReturn:
        target = self.packet.destination
        device = self.facts.port_at(network.id, target)
        if device is not None and device.owner in states.ROUTER_OWNERS:
            router = self.facts.router(device.wiring.router_id)
            if router is not None and self.facts.sees(router.wiring.project_id):
                self._through(device.wiring)
        served = device is not None and device.owner == states.DHCP_OWNER
        if served and self.facts.sees(network.project_id):
            self.stops("destination", f"{target} is the cloud's own address there, which answers.",
                       passes=True)  # fmt: skip
        owner = device.wiring.project_id if device is not None else ""
        if device is None or not self.facts.sees(owner):
            mine = self.facts.sees(network.project_id) and device is None
            label = name or network.id
            self.stops(
                "destination",
                f"No port on network {label} has {target}."
                if mine
                else f"No port of your project on network {label} has {target}: what has it is "
                "outside your project.",
                "Compare the address with that of the server.",
                passes=False if mine else None,
                thing="network", id=network.id, name=name,
            )  # fmt: skip
        self.same_host(network, device.seen.host, port_words(device), port_thing(device))
        self.on_host(device, "The receiver's")
        self.look_at_way(device.wiring, device.seen.host, port_words(device), port_thing(device))
        self.filtered(device, "ingress")
        self.look_at_port(device, "ingress")
        self._answers_come_back(device)
        self.stops("destination", f"It is handed to {port_words(device)}.", passes=True,
                   **port_thing(device))  # fmt: skip

    def _answers_come_back(self, device: PortFacts) -> None:
        """A guest that sends its answers elsewhere than to the router they came by is not reached either."""
        if self.by is None:
            return
        subnet = own_subnet(device.wiring, self.packet.destination)
        if subnet is None or within(self.packet.source, [subnet.cidr]):
            return
        back = way(subnet, self.packet.source)
        legs = self.by.wiring.ports
        if back is not None and back in {one.ip_address for leg in legs for one in leg.addresses}:
            return
        self.stops(
            "answer",
            f"{sentence(port_words(device))} sends its answers to "
            f"{back or 'nobody: its subnet has no gateway'}, not to the "
            f"{router_words(self.by)} that the packet came by.",
            "Let the subnet's gateway, or a host route, be the router's address there.",
            thing="subnet", id=subnet.id, name=subnet.cidr,
        )  # fmt: skip


def _on(port: PortWiring, address: str) -> bool:
    """Tell whether an address is on a subnet that a router's port has an address of."""
    mine = {one.subnet_id for one in port.addresses}
    return any(
        within(address, [subnet.cidr]) for subnet in port.network.subnets if subnet.id in mine
    )
