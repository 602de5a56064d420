"""Whether rules let a packet through, and where a guest sends what is not on its wire; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from cloudweb.addresses import parse_address, parse_block
from network.objects import GroupRule, PortWiring, SecurityRule, SubnetWiring
from network.protocols import ICMP, ICMPV6, PROTOCOLS
from network.trace.facts import Packet

PING, PONG = {ICMP: 8, ICMPV6: 128}, {ICMP: 0, ICMPV6: 129}
CLIENT_PORT = 49152  # stands for those that clients send from (RFC 6335)
Members = Callable[[str], Collection[str]]


def within(address: str, blocks: Iterable[str]) -> bool:
    """Tell whether an address is in one of the blocks."""
    found = parse_address(address)
    return any(
        block.version == found.version and found in block for block in map(parse_block, blocks)
    )


def accepts(wiring: PortWiring, packet: Packet, *, direction: str, members: Members) -> bool:
    """Tell whether a port's rules let a packet through; ``members`` are those of the groups they name."""
    remote = packet.source if direction == "ingress" else packet.destination
    plain = any(
        _fits(rule, packet, direction) and (not rule.remotes or within(remote, rule.remotes))
        for rule in wiring.rules
    )
    return plain or any(
        _fits(rule, packet, direction) and within(remote, members(rule.group_id))
        for rule in wiring.group_rules
    )


def answer_to(packet: Packet) -> Packet:
    """Return what comes back for a packet."""
    port = None if packet.port is None else CLIENT_PORT
    return Packet(packet.destination, packet.source, packet.protocol, port, is_answer=True)


def _fits(rule: SecurityRule | GroupRule, packet: Packet, direction: str) -> bool:
    version = 6 if ":" in packet.destination else 4
    if rule.direction != direction or rule.ethertype != f"IPv{version}":
        return False
    wanted = _protocol(rule.protocol, version)
    if wanted is None:
        return True
    if wanted != packet.protocol:
        return False
    low, high = rule.port_min, rule.port_max
    if wanted in PING:
        kind = (PONG if packet.is_answer else PING)[wanted]
        return low in (None, kind) and high in (None, 0)
    if low is None and high is None:
        return True
    first, last = (low if low is not None else high), (high if high is not None else low)
    return packet.port is not None and (first or 0) <= packet.port <= (last or 0)


def _protocol(said: str | None, version: int) -> int | None:
    if said is None or said == "any":
        return None
    number = PROTOCOLS.get(said.lower(), int(said) if said.isdigit() else -1)
    return ICMPV6 if version == 6 and number == ICMP else number


def own_subnet(wiring: PortWiring, address: str) -> SubnetWiring | None:
    """Return the subnet of a port that an address of it is on."""
    subnets = {subnet.id: subnet for subnet in wiring.network.subnets}
    for one in wiring.addresses:
        if one.ip_address == address:
            return subnets.get(one.subnet_id)
    return next((one for one in subnets.values() if within(address, [one.cidr])), None)


def way(subnet: SubnetWiring, destination: str) -> str | None:
    """Return the next hop that DHCP told a guest of: the destination itself on its wire, None for no way."""
    if within(destination, [subnet.cidr]):
        return destination
    fitting = [route for route in subnet.host_routes if within(destination, [route.destination])]
    if fitting:
        best = max(fitting, key=lambda route: parse_block(route.destination).prefixlen)
        return best.nexthop
    return subnet.gateway_ip
