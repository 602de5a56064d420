"""Anti-spoofing and security groups of one network, as nftables text; pure functions.

Two tables with the network's name hold everything. Each port has chains of its own under its number, and
maps lead to them; each remote group has sets of its own, which rules name. So a port or a member that comes
or goes is a few elements, whatever else is there. A change is one transaction, and so is the whole:

* bridge: drops frames of foreign MACs before the bridge learns where they came from, and what else is
  forged once fragments are put together; closes the host's own stack to the network's wire,
  and marks each frame with where it comes from (upper half) and where it goes (lower half). It runs
  before br_netfilter hands the frame to the inet hooks, which see only the bridge.
* inet: a connection-tracking zone of the network's own (tenants may use the same addresses), then
  the sender's egress and the receiver's ingress chains decide: what is established passes each, unless
  its port is stateless, then its rules are asked.

Bridge-family rules cannot use connection tracking on all kernels, so the state is kept by the inet
table. Foreign bridges never match: every chain begins with our own interface names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from cloudweb.driver import DriverError
from network.drivers.linuxbridge import nft
from network.drivers.linuxbridge.config import METADATA_ADDRESS, METADATA_SIX, NetworkNames
from network.drivers.linuxbridge.member_sets import MembersStep, whole_sets
from network.drivers.linuxbridge.port_chains import (
    CONSTANTS,
    GATE,
    WIRE,
    bridge_chains,
    inet_chains,
    to_gate,
    wire_chains,
)
from network.objects import GroupMembers, PortWiring

_TAP = re.compile(r"^[A-Za-z0-9_.-]{1,15}\Z")


def network_filters(
    names: NetworkNames,
    zone: int,
    ports: Iterable[PortWiring],
    groups: Iterable[GroupMembers] = (),
    *,
    numbers: Mapping[str, int] | None = None,
    wire: str = "",
    routers: Collection[str] | None = None,
) -> str:
    """Return the whole filter of a network: both tables, replacing what was there.

    ``numbers`` are the ports', in the order of their ids without. ``wire``: the bridge's way to other hosts,
    with the MAC addresses of ``routers`` there unless all are heard.
    """
    found = sorted(ports, key=lambda port: port.id)
    if numbers is None:
        numbers = {port.id: place for place, port in enumerate(found, start=GATE + 1)}
    numbered = sorted((numbers[port.id], port) for port in found)
    members = {group.group_id: group.members for group in groups}
    members |= {group: () for _, port in numbered for group in port.named_groups - members.keys()}
    return "\n".join(
        (
            *_bridge_table(names, numbered, wire, routers),
            *_inet_table(names, zone, numbered, members, wire),
            "",
        )
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
        ("bridge", bridge_chains(number, port)),
        ("inet", inet_chains(number, port)),
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


def _gathered(
    family: str, ports: Sequence[tuple[int, PortWiring]], first: Mapping[str, str], wire: str
) -> Mapping[str, list[str]]:
    """Return the elements of each set and map of a family, the gateway leg's first, then the wire's."""
    found = {name: [element] if element else [] for name, element in first.items()}
    if wire:
        for name, element in _elements(family, WIRE, _checked_tap(wire)):
            found[name].append(element)
    for number, port in ports:
        for name, element in _elements(family, number, _tap(port)):
            found[name].append(element)
    return found


def _bridge_table(
    names: NetworkNames,
    ports: Sequence[tuple[int, PortWiring]],
    wire: str,
    routers: Collection[str] | None,
) -> Iterable[str]:
    leg = {
        "everyone": f'"{names.leg}"',
        "sources": "",
        "senders": f'"{names.leg}" : jump from_{GATE}',
        "receivers": f'"{names.leg}" : jump to_{GATE}',
    }
    elements = _gathered("bridge", ports, leg, wire)
    yield nft.fresh("bridge", names.filters).rstrip()
    yield f"table bridge {names.filters} {{"
    yield from _named("set", "everyone", "ifname", elements["everyone"])
    if routers is not None:
        yield from _named("set", "routers", "ether_addr", sorted(routers))
    yield from _constants("bridge")
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
        *_kept_here(names, wire),
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
        *([f'oifname "{wire}" meta mark set 0x0'] if wire else []),
    )
    yield from _chain(f"from_{GATE}", f"meta mark set {GATE << 16:#010x}")
    yield from _chain(f"to_{GATE}", *to_gate(wired=bool(wire)))
    yield from _wire_chains(wire, "source", "from", "to", guarded=routers is not None)
    for number, port in ports:
        for chain, rules in bridge_chains(number, port).items():
            yield from _chain(chain, *rules)
    yield "}"


def _inet_table(
    names: NetworkNames,
    zone: int,
    ports: Sequence[tuple[int, PortWiring]],
    members: Mapping[str, Sequence[str]],
    wire: str,
) -> Iterable[str]:
    leg = {
        "senders": f"{GATE << 16:#010x} : jump egress_{GATE}",
        "receivers": f"{GATE:#06x} : goto ingress_{GATE}",
    }
    yield nft.fresh("inet", names.filters).rstrip()
    yield f"table inet {names.filters} {{"
    yield from _constants("inet")
    for group_id in sorted(members):
        yield from whole_sets(group_id, members[group_id])
    for name, elements in _gathered("inet", ports, leg, wire).items():
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
        "meta mark & 0xffff0000 == 0x0 drop",  # a tap that nobody plugged
        "meta mark & 0xffff0000 vmap @senders",
        "meta mark & 0x0000ffff vmap @receivers",
        "drop",
    )
    yield from _chain(f"egress_{GATE}", "return")
    yield from _chain(f"ingress_{GATE}", "accept")
    yield from _wire_chains(wire, "egress", "ingress")
    for number, port in ports:
        for chain, rules in inet_chains(number, port).items():
            yield from _chain(chain, *rules)
    yield "}"


def _constants(family: str) -> Iterable[str]:
    for name, (key, elements) in CONSTANTS[family].items():
        yield from _named("set", name, key, elements)


def _kept_here(names: NetworkNames, wire: str) -> Iterable[str]:
    """Lead questions for metadata to this host's own gateway, whatever router the guest sends them to."""
    if wire:
        guests = f'iifname @everyone iifname != {{ "{names.leg}", "{wire}" }}'
        for asked in (f"ip daddr {METADATA_ADDRESS}", f"ip6 daddr {METADATA_SIX}"):
            yield f"{guests} {asked} tcp dport 80 ether daddr set {names.gateway_mac}"


def _wire_chains(wire: str, *kinds: str, guarded: bool = False) -> Iterable[str]:
    if wire:
        for name, rules in wire_chains(guarded=guarded).items():
            if name.startswith(tuple(f"{kind}_" for kind in kinds)):
                yield from _chain(name, *rules)


def _named(kind: str, name: str, key: str, elements: Sequence[str]) -> Iterable[str]:
    yield f"  {kind} {name} {{"
    yield f"    type {key};"
    if elements:
        yield f"    elements = {{ {', '.join(elements)} }};"
    yield "  }"


def _chain(name: str, *lines: str) -> Iterable[str]:
    yield f"  chain {name} {{"
    yield from (f"    {line}" for line in lines)
    yield "  }"


def _tap(port: PortWiring) -> str:
    return _checked_tap(port.tap)


def _checked_tap(tap: str) -> str:
    if not _TAP.match(tap):
        raise DriverError("A port's wiring holds a broken interface name.", detail=repr(tap))
    return tap
