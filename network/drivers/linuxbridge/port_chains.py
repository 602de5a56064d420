"""What the filters of one port hold, chain by chain, as lines of nftables; pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses

from cloudweb.driver import DriverError
from network.drivers.linuxbridge import texts
from network.drivers.linuxbridge.config import METADATA_ADDRESS, METADATA_SIX
from network.drivers.linuxbridge.member_sets import set_names
from network.objects import GroupRule, PortWiring, SecurityRule
from network.protocols import PROTOCOLS, WITH_PORTS

GATE = 1  # the gateway leg's mark; ports count from 2
COUNTED = "counter drop"  # path traces tell how many
WIRE = 0xFFFF  # what comes from other hosts, or goes there
NOBODY = IPv4Network("0.0.0.0/32")  # who asks for an address or probes one
_MAC = re.compile(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}\Z")
_REQUESTS = ("udp sport 68 udp dport 67 drop", "udp sport 546 udp dport 547 drop")
_SAFE_ND = ("nd-neighbor-solicit", "nd-neighbor-advert")
_REPORTS = ("mld-listener-report", "mld2-listener-report")
#: Sets of each table that chains of all ports name: one set a port would be read by ``nft`` at each change.
CONSTANTS: Mapping[str, Mapping[str, tuple[str, Sequence[str]]]] = {
    "bridge": {
        "spoken": ("ether_type", ("ip", "ip6", "arp")),
        "routing": ("icmpv6_type", ("nd-router-advert", "nd-redirect")),
        "beginning": ("icmpv6_type", ("nd-neighbor-solicit", *_REPORTS)),
    },
    "inet": {
        "guest_nd": (
            "icmpv6_type",
            (*_SAFE_ND, "nd-router-solicit", "mld-listener-done", *_REPORTS),
        ),
        "safe_nd": ("icmpv6_type", _SAFE_ND),
    },
}


def bridge_chains(number: int, port: PortWiring) -> Mapping[str, Sequence[str]]:
    """Return a port's chains of the bridge table: by whom it may send, what is forged, what it may not get."""
    allowed = _one_of([*_allowed_sources(port)])
    return {
        f"source_{number}": (
            [f"ether saddr != {allowed} counter drop"] if port.port_security else []
        ),
        f"from_{number}": [
            f"meta mark set {number << 16:#010x}",
            *_marking(port),
            *_anti_spoofing(port),
        ],
        f"to_{number}": [*_towards(port), mark_receiver(number)],
    }


def inet_chains(number: int, port: PortWiring) -> Mapping[str, Sequence[str]]:
    """Return a port's chains of the inet table: its rules outwards and inwards."""
    return {f"egress_{number}": [*_egress(port)], f"ingress_{number}": [*_ingress(port)]}


def _marking(port: PortWiring) -> Iterable[str]:
    """Mark what the port sends, whatever it says itself."""
    if port.qos is not None and port.qos.dscp is not None:
        yield f"ip dscp set {int(port.qos.dscp)}"
        yield f"ip6 dscp set {int(port.qos.dscp)}"


def wire_chains(*, guarded: bool) -> Mapping[str, Sequence[str]]:
    """Return the chains of both tables for the wire to other hosts, by family and name.

    What comes by it was looked at where it was sent, and is looked at for whom it is for; routers
    are heard (``guarded``: those of set ``routers`` alone). The gateway's leg and what is asked of it
    stay on this host: each host serves its own guests.
    """
    return {
        f"source_{WIRE}": (),
        f"from_{WIRE}": [
            f"meta mark set {WIRE << 16:#010x}",
            *(["icmpv6 type nd-router-advert ether saddr != @routers drop"] if guarded else []),
        ],
        f"to_{WIRE}": [
            f"meta mark & 0xffff0000 == {GATE << 16:#010x} drop",
            *_REQUESTS,
            mark_receiver(WIRE),
        ],
        f"egress_{WIRE}": ["icmpv6 type nd-router-advert accept", "return"],
        f"ingress_{WIRE}": ["accept"],
    }


def to_gate(*, wired: bool) -> Sequence[str]:
    """Return the chain towards the gateway's leg."""
    far = [f"meta mark & 0xffff0000 == {WIRE << 16:#010x} drop"] if wired else []
    return [*far, mark_receiver(GATE)]


def _anti_spoofing(port: PortWiring) -> Iterable[str]:
    if not port.admin_up:
        yield "drop"
        return
    if (
        port.router_id
    ):  # it passes on what others send, each of which was looked at where it came in
        return
    # The metadata service knows its askers by address, so nobody may ask from another's, come what may.
    own = _texts(found for found in _fixed(port) if found.version == 4)
    yield f"ip daddr {METADATA_ADDRESS} " + (f"ip saddr != {_one_of(own)} drop" if own else "drop")
    yield f"ip6 daddr {METADATA_SIX} ip6 saddr != {link_local(_mac(port.mac))} drop"
    if not port.port_security:
        return
    allowed = _allowed_sources(port)
    macs = _one_of([*allowed])
    yield "ether type != @spoken drop"
    yield "ether type arp arp htype != 1 drop"
    yield "ether type arp arp ptype != 0x0800 drop"
    yield f"ether type arp arp saddr ether != {macs} drop"
    yield "udp sport 67 udp dport 68 drop"
    yield "udp sport 547 udp dport 546 drop"
    yield "icmpv6 type @routing drop"
    yield "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 return"
    yield "ip6 saddr :: icmpv6 type @beginning return"
    for mac, networks in allowed.items():
        four = _texts(network for network in networks if network.version == 4)
        six = [network for network in networks if isinstance(network, IPv6Network)]
        six.append(IPv6Network(link_local(mac)))
        probing = [network for network in networks if network.version == 4]
        senders = _texts((*probing, NOBODY))
        foreign = (
            f"!= {{ {', '.join(senders)} }}"
            if len(senders) > 2
            else " arp saddr ip ".join(f"!= {one}" for one in senders)
        )
        yield f"ether saddr {mac} arp saddr ip {foreign} counter drop"
        yield (
            f"ether saddr {mac} ip saddr != {_one_of(four)} counter drop"
            if four
            else f"ether saddr {mac} ether type ip counter drop"
        )
        yield f"ether saddr {mac} ip6 saddr != {_one_of(_texts(six))} counter drop"
        yield (
            f"ether saddr {mac} icmpv6 type nd-neighbor-advert "
            f"@th,64,128 != {_one_of([*_targets(six)])} drop"
        )


def _towards(port: PortWiring) -> Iterable[str]:
    if not port.admin_up:
        yield "drop"
    elif port.port_security:
        # A guest's request for an address is for the network's own server alone.
        yield from _REQUESTS


def _egress(port: PortWiring) -> Iterable[str]:
    if port.router_id:  # guests hear of a router from it alone, and from the gateway
        yield "icmpv6 type nd-router-advert accept"
    if not port.port_security:
        yield "return"
        return
    if not port.stateless:
        yield "ct state established,related return"
        yield "ct state invalid drop"
    yield "udp sport 68 udp dport 67 return"
    yield "udp sport 546 udp dport 547 return"
    yield f"ip daddr {METADATA_ADDRESS} tcp dport 80 return"
    yield f"ip6 daddr {METADATA_SIX} tcp dport 80 return"
    yield "icmpv6 type @guest_nd return"
    yield from rules_text(port.rules, direction="egress", verdict="return")
    yield from group_rules_text(port.group_rules, direction="egress", verdict="return")
    yield COUNTED


def _ingress(port: PortWiring) -> Iterable[str]:
    if not port.port_security:
        yield "accept"
        return
    gate = f"meta mark & 0xffff0000 == {GATE << 16:#010x}"
    if port.stateless:  # all that it was not told of, but what it asks the cloud itself
        yield f"{gate} ip saddr {METADATA_ADDRESS} tcp sport 80 accept"
        yield f"{gate} ip6 saddr {METADATA_SIX} tcp sport 80 accept"
    else:
        yield "ct state established,related accept"
        yield "ct state invalid drop"
    yield f"{gate} udp sport 67 udp dport 68 accept"
    yield f"{gate} udp sport 547 udp dport 546 accept"
    yield f"{gate} icmpv6 type nd-router-advert accept"
    yield "icmpv6 type @safe_nd accept"
    yield from rules_text(port.rules, direction="ingress", verdict="accept")
    yield from group_rules_text(port.group_rules, direction="ingress", verdict="accept")
    yield COUNTED


def rules_text(rules: Iterable[SecurityRule], *, direction: str, verdict: str) -> Sequence[str]:
    """Return one line for each rule of a direction, in a fixed order without repetitions."""
    lines = {_rule(rule, verdict) for rule in rules if rule.direction == direction}
    return sorted(line for line in lines if line)


def group_rules_text(rules: Iterable[GroupRule], *, direction: str, verdict: str) -> Sequence[str]:
    """Return the lines that look into the sets of the rules' groups: addresses, then blocks."""
    lines: set[str] = set()
    for rule in rules:
        if rule.direction != direction:
            continue
        version = 4 if rule.ethertype == "IPv4" else 6
        field = "saddr" if direction == "ingress" else "daddr"
        number = _protocol(rule, version)
        rest = [] if number is None else [f"meta l4proto {number}", *_ports(rule, number)]
        for name in set_names(rule.group_id, version):
            lines.add(
                " ".join((f"{'ip' if version == 4 else 'ip6'} {field} @{name}", *rest, verdict))
            )
    return sorted(lines)


def _rule(rule: SecurityRule, verdict: str) -> str:
    """Return the line, empty when it can match nothing (a group whose members are of the other family)."""
    version = 4 if rule.ethertype == "IPv4" else 6
    words = [f"meta nfproto ipv{version}"]
    if rule.remotes:
        networks = [
            network for network in map(texts.block, rule.remotes) if network.version == version
        ]
        if not networks:
            return ""
        field = "saddr" if rule.direction == "ingress" else "daddr"
        words.append(f"{'ip' if version == 4 else 'ip6'} {field} {_one_of(_texts(networks))}")
    number = _protocol(rule, version)
    if number is not None:
        words.append(f"meta l4proto {number}")
        words.extend(_ports(rule, number))
    return " ".join((*words, verdict))


def _protocol(rule: SecurityRule | GroupRule, version: int) -> int | None:
    if rule.protocol is None or rule.protocol == "any":
        return None
    text = rule.protocol.lower()
    if version == 6 and text == "icmp":
        return PROTOCOLS["icmpv6"]
    if text in PROTOCOLS:
        return PROTOCOLS[text]
    if text.isascii() and text.isdigit() and int(text) <= 255:
        # 1 means "ICMP", whatever the family, as the name does.
        return PROTOCOLS["icmpv6"] if version == 6 and int(text) == 1 else int(text)
    raise DriverError("A security rule names a protocol this host does not know.", detail=text)


def _ports(rule: SecurityRule | GroupRule, number: int) -> Iterable[str]:
    low, high = rule.port_min, rule.port_max
    if number in (PROTOCOLS["icmp"], PROTOCOLS["icmpv6"]):
        family = "icmp" if number == PROTOCOLS["icmp"] else "icmpv6"
        if low is not None:
            yield f"{family} type {int(low)}"
        if high is not None:
            yield f"{family} code {int(high)}"
    elif number in WITH_PORTS and (low is not None or high is not None):
        first = low if low is not None else high
        last = high if high is not None else low
        yield f"th dport {first}" if first == last else f"th dport {first}-{last}"


def link_local(mac: str) -> IPv6Address:
    """Return the IPv6 address a MAC gets by itself (modified EUI-64)."""
    octets = [int(part, 16) for part in mac.split(":")]
    octets[0] ^= 0x02
    interface = bytes((*octets[:3], 0xFF, 0xFE, *octets[3:]))
    return IPv6Address(b"\xfe\x80" + bytes(6) + interface)


def _allowed_sources(port: PortWiring) -> dict[str, list[IPv4Network | IPv6Network]]:
    """Return which addresses each MAC of a port may send from."""
    allowed = {_mac(port.mac): _fixed(port)}
    for mac, network in port.allowed_pairs:
        allowed.setdefault(_mac(mac), []).append(texts.block(network))
    return allowed


def _fixed(port: PortWiring) -> list[IPv4Network | IPv6Network]:
    return [texts.block(address.ip_address) for address in port.addresses]


def _texts(networks: Iterable[IPv4Network | IPv6Network]) -> Sequence[str]:
    """Return networks of one family as elements of a set: sorted, without overlap."""
    merged = collapse_addresses(networks)  # type: ignore[type-var]
    return [
        str(network.network_address) if network.num_addresses == 1 else str(network)
        for network in merged
    ]


def _one_of(values: Sequence[str]) -> str:
    """Return what a match compares with; one value needs no set."""
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def _targets(networks: Iterable[IPv6Network]) -> Iterable[str]:
    for network in collapse_addresses(networks):
        first, last = int(network[0]), int(network[-1])
        yield f"{first:#034x}" if first == last else f"{first:#034x}-{last:#034x}"


def mark_receiver(number: int) -> str:
    """Return the rule that marks a frame with where it goes."""
    return f"meta mark set meta mark & 0xffff0000 | {number:#06x}"


def _mac(text: str) -> str:
    if not _MAC.match(text.lower()):
        raise DriverError("A port's wiring holds a broken MAC address.", detail=repr(text))
    return text.lower()
