"""Anti-spoofing and stateful security groups of one network, as nftables text; pure functions.

Two tables with the network's name hold everything, and are replaced in one transaction:

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
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses

from cloudweb.driver import DriverError
from network.drivers.linuxbridge import nft, texts
from network.drivers.linuxbridge.config import METADATA_ADDRESS, NetworkNames
from network.objects import PortWiring, SecurityRule
from network.protocols import PROTOCOLS, WITH_PORTS

GATE = 1  # the gateway leg's mark; ports count from 2
NOBODY = IPv4Network("0.0.0.0/32")  # who asks for an address or probes one
_TAP = re.compile(r"^[A-Za-z0-9_.-]{1,15}\Z")
_MAC = re.compile(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}\Z")
_SAFE_ND = "nd-neighbor-solicit, nd-neighbor-advert"
_GUEST_ND = (
    f"{_SAFE_ND}, nd-router-solicit, mld-listener-report, mld-listener-done, mld2-listener-report"
)


def network_filters(names: NetworkNames, zone: int, ports: Iterable[PortWiring]) -> str:
    """Return the whole filter of a network: both tables, replacing what was there."""
    numbered = list(enumerate(sorted(ports, key=lambda port: port.id), start=GATE + 1))
    return "\n".join((*_bridge_table(names, numbered), *_inet_table(names, zone, numbered), ""))


def _bridge_table(names: NetworkNames, ports: Sequence[tuple[int, PortWiring]]) -> Iterable[str]:
    members = {names.leg: GATE, **{_tap(port): number for number, port in ports}}
    everyone = ", ".join(f'"{name}"' for name in members)

    def verdicts(chain: str) -> str:
        return ", ".join(f'"{name}" : jump {chain}_{number}' for name, number in members.items())

    yield nft.fresh("bridge", names.filters).rstrip()
    yield f"table bridge {names.filters} {{"
    yield from _chain(
        "input",
        "type filter hook input priority -210; policy accept;",
        f"iifname {{ {everyone} }} drop",
    )
    yield from _chain(
        "output",
        "type filter hook output priority -210; policy accept;",
        f"oifname {{ {everyone} }} drop",
    )
    yield from _chain(
        "prerouting",
        "type filter hook prerouting priority -300; policy accept;",
        *(
            f'iifname "{_tap(port)}" ether saddr != {{ {", ".join(_allowed_sources(port))} }} drop'
            for _number, port in ports
            if port.port_security
        ),
    )
    yield from _chain(
        "forward",
        "type filter hook forward priority -210; policy accept;",
        f"iifname vmap {{ {verdicts('from')} }}",
        f"oifname vmap {{ {verdicts('to')} }}",
    )
    yield from _chain(
        "postrouting",
        "type filter hook postrouting priority 0; policy accept;",
        f'oifname "{names.leg}" meta mark set 0x0',
    )
    yield from _chain(f"from_{GATE}", f"meta mark set {GATE << 16:#010x}")
    yield from _chain(f"to_{GATE}", _mark_receiver(GATE))
    for number, port in ports:
        yield from _chain(
            f"from_{number}", f"meta mark set {number << 16:#010x}", *_anti_spoofing(port)
        )
        yield from _chain(f"to_{number}", *_towards(port), _mark_receiver(number))
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
    names: NetworkNames, zone: int, ports: Sequence[tuple[int, PortWiring]]
) -> Iterable[str]:
    senders = [f"{GATE << 16:#010x} : jump egress_{GATE}"]
    receivers = [f"{GATE:#06x} : goto ingress_{GATE}"]
    for number, _port in ports:
        senders.append(f"{number << 16:#010x} : jump egress_{number}")
        receivers.append(f"{number:#06x} : goto ingress_{number}")
    yield nft.fresh("inet", names.filters).rstrip()
    yield f"table inet {names.filters} {{"
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
        f"meta mark & 0xffff0000 vmap {{ {', '.join(senders)} }}",
        f"meta mark & 0x0000ffff vmap {{ {', '.join(receivers)} }}",
        "drop",
    )
    yield from _chain(f"egress_{GATE}", "return")
    yield from _chain(f"ingress_{GATE}", "accept")
    for number, port in ports:
        yield from _chain(f"egress_{number}", *_egress(port))
        yield from _chain(f"ingress_{number}", *_ingress(port))
    yield "}"


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
    yield "drop"


def rules_text(rules: Iterable[SecurityRule], *, direction: str, verdict: str) -> Sequence[str]:
    """Return one line for each rule of a direction, in a fixed order without repetitions."""
    lines = {_rule(rule, verdict) for rule in rules if rule.direction == direction}
    return sorted(line for line in lines if line)


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


def _protocol(rule: SecurityRule, version: int) -> int | None:
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


def _ports(rule: SecurityRule, number: int) -> Iterable[str]:
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
    if not _TAP.match(port.tap):
        raise DriverError("A port's wiring holds a broken interface name.", detail=repr(port.tap))
    return port.tap
