"""Security group rules in plain words: who can reach what, and what of it is open to the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from cloudweb.addresses import Block, parse_block
from network.protocols import ICMP, ICMPV6, PROTOCOLS, WITH_PORTS
from network.rule_meaning import normal_prefix, protocol_number
from network.services import BY_PORT, ETHERTYPES, SERVICES, inner_between

if TYPE_CHECKING:
    from network.models import SecurityGroupRule

#: Blocks this wide are as good as the whole internet, by IP version.
WIDE = {4: 8, 6: 16}
#: What is wide without being the internet.
_INNER = (parse_block("fc00::/7"), parse_block("fe80::/10"))
_ECHO = {ICMP: 8, ICMPV6: 128}
_PORTS = 65535


class Kind(StrEnum):
    """Whom a rule names, the widest first."""

    WORLD = "world"
    BLOCK = "block"
    ADDRESSES = "addresses"
    GROUP = "group"


class Risk(StrEnum):
    """What is risky in a rule."""

    NONE = ""
    TRIED = "tried"  # open on purpose, but tried by everybody
    WIDE = "wide"  # open to the world, and belongs inside


@dataclass(frozen=True, slots=True)
class Who:
    """The other side of a rule: ``key`` is a block or the id of a group, of ports or of addresses."""

    kind: Kind
    key: str = ""
    name: str = ""

    @property
    def text(self) -> str:
        """Name it where a sentence begins with it."""
        if self.kind is Kind.WORLD:
            return "Anyone on the internet"
        if self.kind is Kind.GROUP:
            return f"Members of group {self.name}"
        if self.kind is Kind.ADDRESSES:
            return f"Addresses of {self.name}"
        return self.name or _block_text(self.key, "Anyone at ")

    @property
    def place(self) -> str:
        """Name it where one goes to."""
        if self.kind is Kind.WORLD:
            return "anywhere"
        if self.kind is Kind.GROUP:
            return f"at members of group {self.name}"
        if self.kind is Kind.ADDRESSES:
            return f"at addresses of {self.name}"
        return f"at {_block_text(self.key)}"


@dataclass(frozen=True, slots=True)
class Permission:
    """Rules of a group that say the same, of IPv4, IPv6 or both."""

    rule_ids: tuple[str, ...]
    direction: str
    who: Who
    what: str
    ethertypes: tuple[str, ...]
    risk: Risk
    advice: str
    description: str = ""

    @property
    def enters(self) -> bool:
        """Tell whether it lets in."""
        return self.direction == "ingress"

    def sentence(self, whom: str = "Members") -> str:
        """Say it; ``whom`` the rule is about, where they go out."""
        over = " over IPv6" if self.ethertypes == ("IPv6",) and self.who.kind != Kind.BLOCK else ""
        if self.enters:
            return f"{self.who.text} can reach {self.what}{over}."
        return f"{whom} can reach {self.what} {self.who.place}{over}."


def permissions(
    rules: Iterable[SecurityGroupRule],
    names: Mapping[str, str],
    *,
    own: str = "",
    blocks: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Sequence[Permission]:
    """Return rules as what they permit: in before out, the widest first.

    ``names`` are those of groups by id, ``blocks`` the addresses of groups of them; ``own`` is the
    address of whoever reads.
    """
    found: dict[tuple[str, Who, str], list[SecurityGroupRule]] = {}
    for rule in rules:
        key = (rule.direction, _who(rule, names, own), what_of(rule))
        found.setdefault(key, []).append(rule)
    listed = [_permission(key, alike, blocks) for key, alike in found.items()]
    return sorted(listed, key=_place)


def summary(found: Sequence[Permission], whom: str = "its members") -> Sequence[str]:
    """Say in few sentences who can reach ``whom``: one for each that can."""
    by_who: dict[tuple[Who, tuple[str, ...]], list[str]] = {}
    for one in found:
        if one.enters:
            only = one.ethertypes if one.ethertypes == ("IPv6",) else ETHERTYPES
            things_of = by_who.setdefault((one.who, only), [])
            if one.what not in things_of:
                things_of.append(one.what)
    sentences = []
    for (who, ethertypes), things_of in sorted(
        by_who.items(), key=lambda one: one[0][1] == ("IPv6",)
    ):
        everything = SERVICES["all"].text
        things = [everything] if everything in things_of else things_of
        if ethertypes == ("IPv6",):
            both = by_who.get((who, ETHERTYPES), [])
            things = [] if everything in both else [one for one in things if one not in both]
        over = " over IPv6" if ethertypes == ("IPv6",) and who.kind is not Kind.BLOCK else ""
        if things:
            sentences.append(f"{who.text} can reach {_and(things)}{over}.")
    return sentences or [f"Nobody can reach {whom}."]


def leaving(found: Sequence[Permission], whom: str, *, stateful: bool = True) -> str:
    """Say what ``whom`` can reach; not ``stateful``: answers need rules of their own, both ways."""
    out = [one for one in found if not one.enters]
    if not out and not stateful:
        return f"{whom} can reach nothing; not even answers leave."
    if not out:
        return f"{whom} can reach nothing; only answers leave."
    free = [one for one in out if one.what == SERVICES["all"].text and one.who.kind is Kind.WORLD]
    if any("IPv4" in one.ethertypes for one in free):
        return f"{whom} can reach everything, anywhere."
    things = [f"{one.what} {one.who.place}" for one in out]
    return f"{whom} can reach {_and(dict.fromkeys(things))}, and nothing else."


def what_of(rule: SecurityGroupRule) -> str:
    """Name what a rule lets pass."""
    number = protocol_number(rule.protocol, rule.ethertype)
    first, last = rule.port_range_min, rule.port_range_max
    if number is None:
        return SERVICES["all"].text
    if number in _ECHO:
        return _icmp(number, first, last)
    name = _protocol_name(number)
    if number not in WITH_PORTS:
        return f"{name} (protocol {number})"
    if first is None or (first, last) == (1, _PORTS):
        return f"all {name} ports"
    if first != last:
        return f"{name} ports {first} to {last}"
    service = BY_PORT.get((number, first))
    port = f"port {first}" if name == "TCP" else f"{name} port {first}"
    return f"{service.text} ({port})" if service else f"{name} port {first}"


def is_world(prefix: str) -> bool:
    """Tell whether a remote block is, or is as good as, everybody."""
    if not prefix:
        return True
    block = parse_block(prefix)
    if any(_contains(inner, block) for inner in _INNER):
        return False
    return block.prefixlen < WIDE[block.version]


def _contains(outer: Block, block: Block) -> bool:
    return outer.prefixlen <= block.prefixlen and block.network_address in outer


def _who(rule: SecurityGroupRule, names: Mapping[str, str], own: str) -> Who:
    if rule.remote_group_id:
        key = str(rule.remote_group_id)
        return Who(Kind.GROUP, key, names.get(key, key))
    if rule.remote_address_group_id:
        key = str(rule.remote_address_group_id)
        return Who(Kind.ADDRESSES, key, names.get(key, key))
    prefix = normal_prefix(rule.remote_ip_prefix)
    if not prefix or parse_block(prefix).prefixlen == 0:
        return Who(Kind.WORLD)
    address, _, length = prefix.partition("/")
    is_own = address == own and length in ("32", "128")
    return Who(Kind.BLOCK, prefix, f"Your address ({own})" if is_own else "")


def _permission(
    key: tuple[str, Who, str],
    alike: Sequence[SecurityGroupRule],
    blocks: Mapping[str, Sequence[str]],
) -> Permission:
    direction, who, what = key
    ethertypes = tuple(one for one in ETHERTYPES if any(rule.ethertype == one for rule in alike))
    risk, advice = Risk.NONE, ""
    for rule in alike:
        if direction == "ingress" and not risk:
            risk, advice = _risk(rule, blocks)
    described = next((rule.description for rule in alike if rule.description), "")
    ids = tuple(str(rule.id) for rule in alike)
    return Permission(ids, direction, who, what, ethertypes, risk, advice, described)


def _risk(rule: SecurityGroupRule, blocks: Mapping[str, Sequence[str]]) -> tuple[Risk, str]:
    """Tell what is risky about a rule that lets in, and what to do instead."""
    remote = [normal_prefix(rule.remote_ip_prefix)]
    if rule.remote_address_group_id:
        remote = [*blocks.get(str(rule.remote_address_group_id), ())]
    if rule.remote_group_id or not any(map(is_world, remote)):
        return Risk.NONE, ""
    number = protocol_number(rule.protocol, rule.ethertype)
    if number is None:
        return Risk.WIDE, "Everything is open to the internet; let in what is needed alone."
    if number not in WITH_PORTS:
        return Risk.NONE, ""
    first, last = rule.port_range_min or 1, rule.port_range_max or rule.port_range_min or _PORTS
    if inner := inner_between(number, first, last):
        names = [*dict.fromkeys(one.text for one in inner)]
        shown = _and([*names[:3], "more"] if len(names) > 3 else names)
        verb = "belong" if len(names) > 1 else "belongs"
        return Risk.WIDE, f"{shown} {verb} inside: name a group of servers or an address instead."
    if last - first >= 1000:
        return Risk.WIDE, f"{last - first + 1:,} ports are open to the internet."
    if first <= 22 <= last and number == PROTOCOLS["tcp"]:
        return Risk.TRIED, "Strangers will try to log in; your own address alone is safer."
    return Risk.NONE, ""


def _place(one: Permission) -> tuple[bool, int, str, str]:
    return not one.enters, [*Kind].index(one.who.kind), one.who.name or one.who.key, one.what


def _icmp(number: int, kind: int | None, code: int | None) -> str:
    name = "ICMPv6" if number == ICMPV6 else "ICMP"
    if kind is None:
        return SERVICES["ping"].text
    if kind == _ECHO[number] and code in (None, 0):
        return SERVICES["ping"].text
    return f"{name} type {kind}" + (f" code {code}" if code is not None else "")


def _protocol_name(number: int) -> str:
    return next((name.upper() for name, one in PROTOCOLS.items() if one == number), "IP")


def _block_text(block: str, before: str = "") -> str:
    """Name a block; one address by itself."""
    address, _, length = block.partition("/")
    alone = length == ("128" if ":" in address else "32")
    return address if alone else f"{before}{block}"


def _and(things: Iterable[str]) -> str:
    *most, last = things
    return f"{', '.join(most)} and {last}" if most else last
