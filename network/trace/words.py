"""What a trace calls things."""

from __future__ import annotations

from network.protocols import ICMP, ICMPV6, PROTOCOLS
from network.trace.facts import Packet, PortFacts, RouterFacts

_NAMES = {number: name.upper() for name, number in reversed([*PROTOCOLS.items()])}


def traffic(packet: Packet) -> str:
    """Return "TCP 22", "pings" or "protocol 47"."""
    if packet.protocol in (ICMP, ICMPV6):
        return "pings"
    name = _NAMES.get(packet.protocol, f"protocol {packet.protocol}")
    return name if packet.port is None else f"{name} {packet.port}"


def port_words(port: PortFacts) -> str:
    """Return how a port is called in a sentence."""
    address = port.wiring.addresses[0].ip_address if port.wiring.addresses else ""
    name = port.name or address or port.wiring.id
    return f"port {name}"


def router_words(router: RouterFacts) -> str:
    """Return how a router is called in a sentence."""
    return f"router {router.name or router.wiring.id}"


def groups_words(port: PortFacts) -> str:
    """Return how a port's groups are called in a sentence."""
    if not port.groups:
        return "It has no security group, and so"
    named = ", ".join(port.groups)
    return f"Security group {named}" if len(port.groups) == 1 else f"Of the security groups {named}"


def sentence(words: str) -> str:
    """Return words as a sentence begins."""
    return words[:1].upper() + words[1:]
