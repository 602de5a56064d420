"""The members of remote groups as sets of nftables; pure functions.

Each group has four on its network, a pair for each IP version: addresses, which come and go one by one,
and blocks (of address pairs, which few have), which are few and are replaced together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import collapse_addresses

from cloudweb.addresses import Block
from cloudweb.driver import DriverError
from network.drivers.linuxbridge import texts

_GROUP = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_KINDS = {
    "a4": "type ipv4_addr;",
    "b4": "type ipv4_addr; flags interval;",
    "a6": "type ipv6_addr;",
    "b6": "type ipv6_addr; flags interval;",
}


def set_names(group_id: str, version: int) -> Sequence[str]:
    """Return the names of a group's sets of one IP version; raise DriverError for what is no id."""
    if not _GROUP.match(group_id):
        raise DriverError("A rule names a group by no UUID.", detail=repr(group_id))
    return [f"{kind}_{group_id.replace('-', '')}" for kind in _KINDS if kind[1] == str(version)]


def whole_sets(group_id: str, members: Iterable[str]) -> Iterable[str]:
    """Return a group's sets as they stand in a table."""
    elements = elements_of(members)
    for kind, name in _named(group_id):
        yield f"  set {name} {{"
        yield f"    {_KINDS[kind]}"
        if elements[kind]:
            yield f"    elements = {{ {', '.join(sorted(elements[kind]))} }};"
        yield "  }"


def elements_of(members: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the elements of each of a group's sets; raise DriverError for what is no address."""
    single: dict[int, set[str]] = {4: set(), 6: set()}
    blocks: dict[int, list[Block]] = {4: [], 6: []}
    for member in members:
        block = texts.block(member)
        if block.num_addresses == 1:
            single[block.version].add(str(block.network_address))
        else:
            blocks[block.version].append(block)
    found = {f"a{version}": frozenset(single[version]) for version in (4, 6)}
    for version in (4, 6):
        merged = collapse_addresses(blocks[version])  # type: ignore[type-var]
        found[f"b{version}"] = frozenset(str(block) for block in merged)
    return found


@dataclass(frozen=True, slots=True)
class MembersStep:
    """From the members that are in a group's sets to those that shall be; None where there are no sets yet."""

    before: frozenset[str] | None
    after: frozenset[str]

    @property
    def left(self) -> frozenset[str]:
        """Who is in no more."""
        return (self.before or frozenset()) - self.after

    def lines(self, table: str, group_id: str) -> Iterable[str]:
        """Return the commands; sets that are to be there are made before, which a set that is there allows."""
        added, dropped = (
            elements_of(self.after - (self.before or frozenset())),
            elements_of(self.left),
        )
        for kind, name in _named(group_id):
            if self.before is None:
                yield f"add set {table} {name} {{ {_KINDS[kind]} }}"
            if kind.startswith("b"):
                if added[kind] or dropped[kind]:
                    yield f"flush set {table} {name}"
                    yield from _element("add", table, name, elements_of(self.after)[kind])
                continue
            yield from _element("add", table, name, added[kind])
            yield from _element("delete", table, name, dropped[kind])


def _element(verb: str, table: str, name: str, elements: Iterable[str]) -> Iterable[str]:
    if found := sorted(elements):
        yield f"{verb} element {table} {name} {{ {', '.join(found)} }}"


def _named(group_id: str) -> Sequence[tuple[str, str]]:
    names = [*set_names(group_id, 4), *set_names(group_id, 6)]
    return [(name[:2], name) for name in names]
