"""Anti-spoofing and stateful security groups of one network, as nftables text; pure functions.

Two tables with the network's name hold everything. Each port has chains of its own under its number, and
maps lead to them; each remote group has sets of its own, which rules name. So a port or a member that comes
or goes is a few elements, whatever else is there. A change is one transaction, and so is the whole:

* bridge: drops frames of foreign MACs before the bridge learns where they came from, and what else is
  forged once fragments are put together; closes the host's own stack to the network's wire,
  and marks each frame with where it comes from (upper half) and where it goes (lower half). It runs
  before br_netfilter hands the frame to the inet hooks, which see only the bridge.
* inet: a connection-tracking zone of the network's own (tenants may use the same addresses), then
  what is established passes, then the sender's egress and the receiver's ingress rules decide.

Bridge-family rules cannot use connection tracking on all kernels, so the state is kept by the inet
table. Foreign bridges never match: every chain begins with our own interface names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses

from cloudweb.driver import DriverError
from network.drivers.linuxbridge import nft, texts
from network.drivers.linuxbridge.config import METADATA_ADDRESS, NetworkNames
from network.drivers.linuxbridge.member_sets import MembersStep, set_names, whole_sets
from network.objects import GroupMembers, GroupRule, PortWiring, SecurityRule
from network.protocols import PROTOCOLS, WITH_PORTS

GATE = 1  # the gateway leg's mark; ports count from 2
NOBODY = IPv4Network("0.0.0.0/32")  # who asks for an address or probes one
_TAP = re.compile(r"^[A-Za-z0-9_.-]{1,15}\Z")
_MAC = re.compile(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}\Z")
_SAFE_ND = "nd-neighbor-solicit, nd-neighbor-advert"
_GUEST_ND = (
    f"{_SAFE_ND}, nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report"
)


def network_filters(
    names: NetworkNames,
    zone: int,
    ports: Iterable[PortWiring],
    groups: Iterable[GroupMembers] = (),
    *,
    numbers: Mapping[str, int] | None = None,
) -> str:
    """Return the whole filter of a network: both tables, replacing what was there.

    ``numbers`` are the ports', in the order of their ids without.
    """
    found = sorted(ports, key=lambda port: port.id)
    if numbers is None:
        numbers = {port.id: place for place, port in enumerate(found, start=GATE + 1)}
    numbered = sorted((numbers[port.id], port) for port in found)
    members = {group.group_id: group.members for group in groups}
    members |= {group: () for _, port in numbered for group in port.named_groups - members.keys()}
    return "\n".join(
        (*_bridge_table(names, numbered), *_inet_table(names, zone, numbered, members), "")
    )


def changed_filters(
    names: NetworkNames,
    *,
    ports: Mapping[int, PortWiring],
    gone: Mapping[int, str],
    sets: Mapping[str, MembersStep],
) -> str:
    """Return what makes some ports and sets as they are now, and takes ports (by their tap) away.

    The tables are there, and each number is free or the same port's.
    """
    lines: list[str] = []
    for group_id, step in sorted(sets.items()):
        lines += step.lines(f"inet {names.filters}", group_id)
    for number, tap in gone.items():
        lines += _taken_away(names, number, _checked_tap(tap))
    for number, port in ports.items():
        lines += _put_in(names, number, port)
    return "\n".join((*lines, ""))


def _put_in(names: NetworkNames, number: int, port: PortWiring) -> Iterable[str]:
    for family, chains in (
        ("bridge", _bridge_chains(number, port)),
        ("inet", _inet_chains(number, port)),
    ):
        table = f"{family} {names.filters}"
        for chain in chains:
            yield f"add chain {table} {chain}"
            yield f"flush chain {table} {chain}"
        yield f"table {table} {{"
        for chain, rules in chains.items():
            yield from _chain(chain, *rules)
        yield "}"
        for name, element in _elements(family, number, _tap(port)):
            yield f"add element {table} {name} {{ {element} }}"


def _taken_away(names: NetworkNames, number: int, tap: str) -> Iterable[str]:
    for family, chains in (
        ("bridge", (f"source_{number}", f"from_{number}", f"to_{number}")),
        ("inet", (f"egress_{number}", f"ingress_{number}")),
    ):
        table = f"{family} {names.filters}"
        for name, element in _elements(family, number, tap):
            yield f"delete element {table} {name} {{ {element} }}"
        for chain in chains:
            yield f"flush chain {table} {chain}"
            yield f"delete chain {table} {chain}"


def _elements(family: str, number: int, tap: str) -> Sequence[tuple[str, str]]:
    """Return (set or map, element) for a port."""
    if family == "bridge":
        return (
            ("everyone", f'"{tap}"'),
            ("sources", f'"{tap}" : jump source_{number}'),
            ("senders", f'"{tap}" : jump from_{number}'),
            ("receivers", f'"{tap}" : jump to_{number}'),
        )
    return (
        ("senders", f"{number << 16:#010x} : jump egress_{number}"),
        ("receivers", f"{number:#06x} : goto ingress_{number}"),
    )


def _bridge_chains(number: int, port: PortWiring) -> Mapping[str, Sequence[str]]:
    allowed = ", ".join(_allowed_sources(port))
    return {
        f"source_{number}": (
            [f"ether saddr != {{ {allowed} }} drop"] if port.port_security else []
        ),
        f"from_{number}": [f"meta mark set {number << 16:#010x}", *_anti_spoofing(port)],
        f"to_{number}": [*_towards(port), _mark_receiver(number)],
    }


def _inet_chains(number: int, port: PortWiring) -> Mapping[str, Sequence[str]]:
    return {f"egress_{number}": [*_egress(port)], f"ingress_{number}": [*_ingress(port)]}


def _gathered(
    family: str, ports: Sequence[tuple[int, PortWiring]], first: Mapping[str, str]
) -> Mapping[str, list[str]]:
    """Return the elements of each set and map of a family, the gateway leg's first."""
    found = {name: [element] if element else [] for name, element in first.items()}
    for number, port in ports:
        for name, element in _elements(family, number, _tap(port)):
            found[name].append(element)
    return found


def _bridge_table(names: NetworkNames, ports: Sequence[tuple[int, PortWiring]]) -> Iterable[str]:
    leg = {
        "everyone": f'"{names.leg}"',
        "sources": "",
        "senders": f'"{names.leg}" : jump from_{GATE}',
        "receivers": f'"{names.leg}" : jump to_{GATE}',
    }
    elements = _gathered("bridge", ports, leg)
    yield nft.fresh("bridge", names.filters).rstrip()
    yield f"table bridge {names.filters} {{"
    yield from _named("set", "everyone", "ifname", elements["everyone"])
    for name in ("sources", "senders", "receivers"):
        yield from _named("map", name, "ifname : verdict", elements[name])
    yield from _chain(
        "input",
        "type filter hook input priority -210; policy accept;",
        "iifname @everyone drop",
    )
    yield from _chain(
        "output",
        "type filter hook output priority -210; policy accept;",
        "oifname @everyone drop",
    )
    yield from _chain(
        "prerouting",
        "type filter hook prerouting priority -300; policy accept;",
        "iifname vmap @sources",
    )
    yield from _chain(
        "forward",
        "type filter hook forward priority -210; policy accept;",
        "iifname vmap @senders",
        "oifname vmap @receivers",
    )
    yield from _chain(
        "postrouting",
        "type filter hook postrouting priority 0; policy accept;",
        f'oifname "{names.leg}" meta mark set 0x0',
    )
    yield from _chain(f"from_{GATE}", f"meta mark set {GATE << 16:#010x}")
    yield from _chain(f"to_{GATE}", _mark_receiver(GATE))
    for number, port in ports:
        for chain, rules in _bridge_chains(number, port).items():
            yield from _chain(chain, *rules)
    yield "}"


def _anti_spoofing(port: PortWiring) -> Iterable[str]:
    if not port.admin_up:
        yield "drop"
        return
    # The metadata service knows its askers by address, so nobody may ask from another's, come what may.
    own = _texts(found for found in _fixed(port) if found.version == 4)
    yield f"ip daddr {METADATA_ADDRESS} " + (
        f"ip saddr != {{ {', '.join(own)} }} drop" if own else "drop"
    )
    if not port.port_security:
        return
    allowed = _allowed_sources(port)
    macs = f"{{ {', '.join(allowed)} }}"
    yield "ether type != { ip, ip6, arp } drop"
    yield "ether type arp arp htype != 1 drop"
    yield "ether type arp arp ptype != 0x0800 drop"
    yield f"ether type arp arp saddr ether != {macs} drop"
    yield "udp sport 67 udp dport 68 drop"
    yield "udp sport 547 udp dport 546 drop"
    yield "icmpv6 type { nd-router-advert, nd-redirect } drop"
    yield "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 return"
    yield "ip6 saddr :: icmpv6 type { nd-neighbor-solicit, mld-listener-report, mld2-listener-report } return"
    for mac, networks in allowed.items():
        four = _texts(network for network in networks if network.version == 4)
        six = [network for network in networks if isinstance(network, IPv6Network)]
        six.append(IPv6Network(link_local(mac)))
        probing = [network for network in networks if network.version == 4]
        senders = ", ".join(_texts((*probing, NOBODY)))
        yield f"ether saddr {mac} arp saddr ip != {{ {senders} }} drop"
        yield (
            f"ether saddr {mac} ip saddr != {{ {', '.join(four)} }} drop"
            if four
            else f"ether saddr {mac} ether type ip drop"
        )
        yield f"ether saddr {mac} ip6 saddr != {{ {', '.join(_texts(six))} }} drop"
        yield (
            f"ether saddr {mac} icmpv6 type nd-neighbor-advert "
            f"@th,64,128 != {{ {', '.join(_targets(six))} }} drop"
        )


def _towards(port: PortWiring) -> Iterable[str]:
    if not port.admin_up:
        yield "drop"
    elif port.port_security:
        # A guest's request for an address is for the network's own server alone.
        yield "udp sport 68 udp dport 67 drop"
        yield "udp sport 546 udp dport 547 drop"


def _inet_table(
    names: NetworkNames,
    zone: int,
    ports: Sequence[tuple[int, PortWiring]],
    members: Mapping[str, Sequence[str]],
) -> Iterable[str]:
    leg = {
        "senders": f"{GATE << 16:#010x} : jump egress_{GATE}",
        "receivers": f"{GATE:#06x} : goto ingress_{GATE}",
    }
    yield nft.fresh("inet", names.filters).rstrip()
    yield f"table inet {names.filters} {{"
    for group_id in sorted(members):
        yield from whole_sets(group_id, members[group_id])
    for name, elements in _gathered("inet", ports, leg).items():
        yield from _named("map", name, "mark : verdict", elements)
    yield from _chain(
        "prerouting",
        "type filter hook prerouting priority raw; policy accept;",
        f'iifname "{names.bridge}" ct zone set {zone}',
    )
    yield from _chain(
        "forward",
        "type filter hook forward priority filter; policy accept;",
        f'iifname "{names.bridge}" oifname "{names.bridge}" goto bridged',
    )
    yield from _chain(
        "bridged",
        "ct state established,related accept",
        "meta mark & 0xffff0000 == 0x0 drop",  # a tap that nobody plugged
        "meta mark & 0xffff0000 vmap @senders",
        "meta mark & 0x0000ffff vmap @receivers",
        "drop",
    )
    yield from _chain(f"egress_{GATE}", "return")
    yield from _chain(f"ingress_{GATE}", "accept")
    for number, port in ports:
        for chain, rules in _inet_chains(number, port).items():
            yield from _chain(chain, *rules)
    yield "}"


def _named(kind: str, name: str, key: str, elements: Sequence[str]) -> Iterable[str]:
    yield f"  {kind} {name} {{"
    yield f"    type {key};"
    if elements:
        yield f"    elements = {{ {', '.join(elements)} }};"
    yield "  }"


def _egress(port: PortWiring) -> Iterable[str]:
    if not port.port_security:
        yield "return"
        return
    yield "ct state invalid drop"
    yield "udp sport 68 udp dport 67 return"
    yield "udp sport 546 udp dport 547 return"
    yield f"ip daddr {METADATA_ADDRESS} tcp dport 80 return"
    yield f"icmpv6 type {{ {_GUEST_ND} }} return"
    yield from rules_text(port.rules, direction="egress", verdict="return")
    yield from group_rules_text(port.group_rules, direction="egress", verdict="return")
    yield "drop"


def _ingress(port: PortWiring) -> Iterable[str]:
    if not port.port_security:
        yield "accept"
        return
    gate = f"meta mark & 0xffff0000 == {GATE << 16:#010x}"
    yield "ct state invalid drop"
    yield f"{gate} udp sport 67 udp dport 68 accept"
    yield f"{gate} udp sport 547 udp dport 546 accept"
    yield f"{gate} icmpv6 type nd-router-advert accept"
    yield f"icmpv6 type {{ {_SAFE_ND} }} accept"
    yield from rules_text(port.rules, direction="ingress", verdict="accept")
    yield from group_rules_text(port.group_rules, direction="ingress", verdict="accept")
    yield "drop"


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
        words.append(
            f"{'ip' if version == 4 else 'ip6'} {field} {{ {', '.join(_texts(networks))} }}"
        )
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


def _targets(networks: Iterable[IPv6Network]) -> Iterable[str]:
    for network in collapse_addresses(networks):
        first, last = int(network[0]), int(network[-1])
        yield f"{first:#034x}" if first == last else f"{first:#034x}-{last:#034x}"


def _mark_receiver(number: int) -> str:
    return f"meta mark set meta mark & 0xffff0000 | {number:#06x}"


def _chain(name: str, *lines: str) -> Iterable[str]:
    yield f"  chain {name} {{"
    yield from (f"    {line}" for line in lines)
    yield "  }"


def _mac(text: str) -> str:
    if not _MAC.match(text.lower()):
        raise DriverError("A port's wiring holds a broken MAC address.", detail=repr(text))
    return text.lower()


def _tap(port: PortWiring) -> str:
    return _checked_tap(port.tap)


def _checked_tap(tap: str) -> str:
    if not _TAP.match(tap):
        raise DriverError("A port's wiring holds a broken interface name.", detail=repr(tap))
    return tap
