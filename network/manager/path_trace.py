"""Path traces: why one thing cannot reach another. Computed from what is known now, never stored."""

from __future__ import annotations

from dataclasses import dataclass

from cloudweb.exceptions import BadRequest
from cloudweb.manager import Manager
from cloudweb.policy import policy
from network import states
from network.exceptions.ports import PortNotFound
from network.manager.standard import Identifier, number
from network.models import FloatingIp, Port, PortForwarding
from network.protocols import ICMP, ICMPV6, WITH_PORTS
from network.resolution import network_wiring
from network.trace.facts import Hop, Packet, PortFacts, Trace
from network.trace.follow import from_outside, from_port
from network.trace.reading import Known, external_at
from network.trace.steps import Named

#: Addresses outside that stand for anybody (RFC 5737, 3849).
ANYBODY = {4: "203.0.113.1", 6: "2001:db8::1"}


@dataclass(frozen=True, slots=True)
class End:
    """One end of a path, as it is asked for: a port, a server by whichever of its ports, an address."""

    port_id: Identifier | None = None
    server_id: Identifier | None = None
    address: str = ""


class PathTraceManager(Manager):
    """Traces of what the caller's project sends and receives."""

    @policy("network:path_traces:create")
    def create(
        self, *, source: End, destination: End, protocol: int, port: int | None = None
    ) -> Trace:
        """Follow a packet; a source that is no port is outside the cloud.

        The hosts on its way are asked what they see: it is followed as intended first, then with their
        answers; one that does not answer in time is a hop that says so.
        Raises PortNotFound, BadRequest for ends without addresses, and for a port that is missing.
        """
        senders, receivers = self._ports(source), self._ports(destination)
        if not receivers and not destination.address:
            raise BadRequest("Say where it goes: a server, a port or an address.")
        version = _version(source, destination, receivers)
        if protocol in (ICMP, ICMPV6):
            protocol, port = (ICMPV6 if version == 6 else ICMP), None
        elif protocol in WITH_PORTS and port is None:
            raise BadRequest("Say to which port it goes.")
        known = Known(self.context)
        if not senders:
            return self._from_outside(
                known,
                receivers,
                Packet(source.address or ANYBODY[version], destination.address, protocol, port),
                version,
            )
        sender, receiver = _nearest(senders, receivers)
        packet = Packet(
            source=source.address or _address(sender, version),
            destination=destination.address or _address(receiver, version),
            protocol=protocol,
            port=port,
        )
        return _followed(known, known.port(sender), packet)

    def _from_outside(
        self, known: Known, receivers: list[Port], packet: Packet, version: int
    ) -> Trace:
        """Follow what comes from outside to a server, by what leads to it there."""
        if not packet.destination:
            packet = _led(packet, receivers, version)
        outside = external_at(packet.destination)
        if outside is None:
            port = receivers[0] if receivers else None
            thing: Named = (
                {"thing": "port", "id": str(port.id), "name": port.name} if port is not None else {}
            )
            stop = Hop(
                kind="outside",
                passes=False,
                text=f"{packet.destination} is an address inside, and no floating IP leads to it: "
                "nobody outside can send to it.",
                remedy="Attach a floating IP to the server, or put it on an external network.",
                **thing,
            )
            return Trace(packet, (stop,))
        wiring, name = network_wiring(outside), outside.name
        trace = from_outside(known, wiring, packet, name=name)
        if known.observations.ask():
            trace = from_outside(known, wiring, packet, name=name)
        return trace

    def _ports(self, end: End) -> list[Port]:
        """Return the caller's ports of an end, oldest first; none for an address alone."""
        if end.port_id is None and end.server_id is None:
            return []
        rows = Port.objects.visible_to(self.context).select_related("network")
        if end.port_id is not None:
            rows = rows.filter(id=number(end.port_id))
        else:
            device = str(end.server_id)
            rows = rows.filter(device_id=device).exclude(device_owner__in=states.SERVICE_OWNERS)
        found = [*rows.prefetch_related("addresses").order_by("created_at", "id")]
        if not found:
            raise PortNotFound(end.port_id or end.server_id)
        return found


def _followed(known: Known, sender: PortFacts, packet: Packet) -> Trace:
    """Follow what a port sends, again once hosts have said what they see."""
    trace = from_port(known, sender, packet)
    return from_port(known, sender, packet) if known.observations.ask() else trace


def _led(packet: Packet, receivers: list[Port], version: int) -> Packet:
    """Return a packet to what leads to one of these ports from outside; to the port itself where nothing does."""
    floating = FloatingIp.objects.filter(fixed_port__in=receivers).first()
    if floating is not None and version == 4:
        return Packet(packet.source, floating.floating_ip_address, packet.protocol, packet.port)
    for rule in PortForwarding.objects.filter(internal_port__in=receivers).select_related(
        "floating_ip"
    ):
        if packet.port is not None and rule.internal_first <= packet.port <= rule.internal_last:
            port = rule.external_first + packet.port - rule.internal_first
            address = rule.floating_ip.floating_ip_address
            return Packet(packet.source, address, packet.protocol, port)
    outside = [port for port in receivers if port.network.is_reachable]
    address = _address((outside or receivers)[0], version)
    return Packet(packet.source, address, packet.protocol, packet.port)


def _nearest(senders: list[Port], receivers: list[Port]) -> tuple[Port, Port]:
    """Return a port of each end, on one network where there are such."""
    for sender in senders:
        for receiver in receivers:
            if sender.network_id == receiver.network_id and sender.id != receiver.id:
                return sender, receiver
    return senders[0], (receivers or senders)[0]


def _version(source: End, destination: End, receivers: list[Port]) -> int:
    said = destination.address or source.address
    if said:
        return 6 if ":" in said else 4
    held = [one.ip_address for port in receivers for one in port.addresses.all()]
    return 4 if not held or any(":" not in one for one in held) else 6


def _address(port: Port, version: int) -> str:
    for one in port.addresses.all():
        if (":" in one.ip_address) == (version == 6):
            return str(one.ip_address)
    raise BadRequest(f"Port {port.id} has no IPv{version} address.")
