"""What a router lets through and translates, as nftables text; a pure function.

The table lies in the router's own namespace. What was let through stays so by connection tracking; what
comes from outside gets in by a floating IP or a forwarding alone, unless the router does not translate what
it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from cloudweb.addresses import Block
from cloudweb.driver import DriverError
from network.drivers.linuxbridge import nft, texts
from network.drivers.linuxbridge.config import METADATA_ADDRESS
from network.routers.objects import ForwardingWiring, RouterWiring, leg_name

TABLE = "cloudweb"
MOST_FORWARDED = 20_000  # ports of one router


def router_table(router: RouterWiring) -> str:
    """Return the router's whole table, replacing what was there; raise DriverError for what is no address."""
    outside = leg_name(router.gateway.id) if router.gateway is not None else None
    return "\n".join(
        (
            nft.fresh("inet", TABLE).rstrip(),
            f"table inet {TABLE} {{",
            *_map("floating", "ipv4_addr : ipv4_addr", _floating(router)),
            *_map("fixed", "ipv4_addr : ipv4_addr", _fixed(router)),
            *_map(
                "forwarded",
                "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
                _forwarded(router.forwardings),
            ),
            *_chain("input", "type filter hook input priority filter; policy drop;", *_input()),
            *_chain(
                "forward",
                "type filter hook forward priority filter; policy drop;",
                *_forward(router, outside),
            ),
            *_chain(
                "prerouting",
                "type nat hook prerouting priority dstnat; policy accept;",
                "dnat ip to ip daddr . meta l4proto . th dport map @forwarded",
                "dnat ip to ip daddr map @floating",
            ),
            *_chain(
                "postrouting",
                "type nat hook postrouting priority srcnat; policy accept;",
                *_leaving(router, outside),
            ),
            "}",
            "",
        )
    )


def addresses_outside(router: RouterWiring) -> Sequence[str]:
    """Return the floating addresses that the router answers for, in a fixed order."""
    found = {one.floating_ip for one in router.floating}
    found |= {one.floating_ip for one in router.forwardings}
    return sorted(str(texts.address(text)) for text in found)


def _input() -> Iterable[str]:
    yield 'iifname "lo" accept'
    yield "ct state established,related accept"
    yield "icmp type echo-request accept"
    yield "meta l4proto ipv6-icmp accept"


def _forward(router: RouterWiring, outside: str | None) -> Iterable[str]:
    if not router.admin_up:
        return
    # A question for metadata goes back to the network it came from, and its answer by another way.
    for port in router.interfaces:
        leg = leg_name(port.id)
        yield f'iifname "{leg}" oifname "{leg}" ip daddr {METADATA_ADDRESS} tcp dport 80 accept'
    yield f"ip daddr {METADATA_ADDRESS} drop"
    yield from _six_forged(router, outside)
    yield "ct state invalid drop"
    yield "ct state established,related accept"
    if outside is None:
        yield "accept"
        return
    yield f'iifname != "{outside}" accept'
    yield "ct status dnat accept"
    # IPv6 is not translated: addresses inside are reached as they are.
    yield f'iifname "{outside}" oifname != "{outside}" meta nfproto ipv6 accept'
    if not router.snat:
        yield f'iifname "{outside}" accept'
    elif same := _untranslated(router):
        yield f'iifname "{outside}" oifname != "{outside}" ip daddr {{ {same} }} accept'


def _six_forged(router: RouterWiring, outside: str | None) -> Iterable[str]:
    """Drop IPv6 that cannot be from where it comes in (RFC 3704); for IPv4 the kernel looks itself."""
    inside: list[Block] = []
    for port in router.interfaces:
        mine = {address.subnet_id for address in port.addresses}
        near = [
            texts.block(subnet.cidr)
            for subnet in port.network.subnets
            if subnet.id in mine and subnet.ip_version == 6
        ]
        far = [
            texts.block(route.destination)
            for route in router.routes
            if any(texts.address(route.nexthop) in block for block in near)
        ]
        inside += [*near, *far]
        blocks = elements([*near, *far])
        forged = f" ip6 saddr != {{ {blocks} }}" if blocks else ""
        yield f'iifname "{leg_name(port.id)}" meta nfproto ipv6{forged} drop'
    if outside is not None and inside:
        yield f'iifname "{outside}" ip6 saddr {{ {elements(inside)} }} drop'


def elements(blocks: Iterable[Block]) -> str:
    """Return IPv6 blocks as elements of a set, without overlap."""
    six = [block for block in blocks if isinstance(block, IPv6Network)]
    return ", ".join(str(block) for block in collapse_addresses(six))


def _leaving(router: RouterWiring, outside: str | None) -> Iterable[str]:
    """Translate what leaves; also what one inside sends to a floating IP of another inside."""
    if outside is None or router.gateway is None:
        return
    four = [
        text
        for address in router.gateway.addresses
        if (text := str(texts.address(address.ip_address))) and ":" not in text
    ]
    inside = ", ".join(_inside(router))
    yield f'oifname "{outside}" snat ip to ip saddr map @fixed'
    if inside:
        yield f'oifname != "{outside}" ct status dnat ip saddr {{ {inside} }} snat ip to ip saddr map @fixed'
    if same := _untranslated(router):
        yield f'oifname "{outside}" ip saddr {{ {same} }} accept'
    if four and router.snat:
        yield f'oifname "{outside}" meta nfproto ipv4 snat ip to {four[0]}'
    if four and inside:
        yield f'oifname != "{outside}" ct status dnat ip saddr {{ {inside} }} snat ip to {four[0]}'


def _untranslated(router: RouterWiring) -> str:
    """Return the blocks that mean the same outside, as elements of a set without overlap."""
    return ", ".join(map(str, collapse_addresses(map(IPv4Network, router.untranslated))))


def _inside(router: RouterWiring) -> list[str]:
    """Return the IPv4 blocks that the router's interfaces are on."""
    found = set()
    for port in router.interfaces:
        mine = {address.subnet_id for address in port.addresses}
        for subnet in port.network.subnets:
            if subnet.id in mine and subnet.ip_version == 4:
                found.add(str(texts.block(subnet.cidr)))
    return sorted(found)


def _floating(router: RouterWiring) -> Iterable[str]:
    for one in router.floating:
        yield f"{texts.address(one.floating_ip)} : {texts.address(one.fixed_ip)}"


def _fixed(router: RouterWiring) -> Iterable[str]:
    """Yield what leaves as which floating address; an address with several, by the first."""
    seen: set[str] = set()
    for one in router.floating:
        fixed = str(texts.address(one.fixed_ip))
        if fixed not in seen:
            seen.add(fixed)
            yield f"{fixed} : {texts.address(one.floating_ip)}"


def _forwarded(forwardings: Sequence[ForwardingWiring]) -> Sequence[str]:
    found: list[str] = []
    for one in forwardings:
        outer, inner = texts.address(one.floating_ip), texts.address(one.fixed_ip)
        for port in range(one.first, one.last + 1):
            goal = one.fixed_first + (port - one.first if one.fixed_last > one.fixed_first else 0)
            found.append(f"{outer} . {one.protocol} . {port} : {inner} . {goal}")
        if len(found) > MOST_FORWARDED:
            raise DriverError("A router forwards more ports than a host takes.", detail=str(outer))
    return found


def _map(name: str, key: str, elements: Iterable[str]) -> Iterable[str]:
    found = [*elements]
    yield f"  map {name} {{"
    yield f"    type {key};"
    if found:
        yield f"    elements = {{ {', '.join(found)} }};"
    yield "  }"


def _chain(name: str, *lines: str) -> Iterable[str]:
    yield f"  chain {name} {{"
    yield from (f"    {line}" for line in lines)
    yield "  }"
