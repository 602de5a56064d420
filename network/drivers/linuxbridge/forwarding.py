"""What leads into a network's tunnels, as commands of ``bridge`` and ``ip``; pure functions.

For each port on another host there is a forwarding entry of the VXLAN device (MAC -> host), one of the bridge
(MAC -> VXLAN device), and for each of its addresses an entry among the neighbours of the bridge, from
which it answers questions for that address itself. What is for everybody, or for nobody known, goes once to
each host that has ports of the network.

So goes what is for a guest on its way from one host to another, since it may be on either; no other has its card.
The host that it comes to has it behind the device as before: the bridge itself moves that entry to the guest's tap
at the first frame the guest sends (QEMU sends one as soon as it runs), before anybody of ours knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cloudweb.driver import DriverError
from network.drivers.linuxbridge import texts
from network.objects import ForwardingTable

EVERYBODY = "00:00:00:00:00:00"
_MAC = re.compile(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}\Z")


@dataclass(frozen=True, slots=True)
class Ways:
    """Where a network goes on beyond this host.

    ``hosts``: MAC -> tunnel endpoint; ``neighbours``: address -> MAC; ``endpoints`` get what is for
    everybody; ``answers``: the bridge answers questions for addresses, as nobody has any besides.
    ``moving``: MACs that are behind more than one.
    """

    hosts: Mapping[str, str] = field(default_factory=dict)
    neighbours: Mapping[str, str] = field(default_factory=dict)
    endpoints: frozenset[str] = frozenset()
    answers: bool = True
    moving: frozenset[str] = frozenset()

    @property
    def behind(self) -> Collection[str]:
        """The MACs that the bridge has behind the device."""
        return self.hosts.keys() | self.moving

    @classmethod
    def of(cls, table: ForwardingTable | None, *, own: str, six: bool = True) -> Ways:
        """Return the ways to all hosts but the one with this endpoint; raise DriverError for broken entries.

        ``six``: this host's kernel has IPv6, so it can answer for such neighbours.
        """
        if table is None:
            return cls()
        hosts: dict[str, str] = {}
        neighbours: dict[str, str] = {}
        moving: dict[str, set[str]] = {}
        for entry in table.entries:
            mac, endpoint, addresses = _read(entry.mac, entry.endpoint, entry.addresses)
            if entry.goes_to:
                moving[mac] = {endpoint, _endpoint(entry.goes_to)}
            if endpoint == own:
                continue
            hosts[mac] = endpoint
            for address, version in addresses:
                if six or version == 4:
                    neighbours[address] = mac
        return cls(
            {mac: to for mac, to in hosts.items() if own in moving.get(mac, (own,))},
            neighbours,
            frozenset(hosts.values()).union(*moving.values()) - {own},
            not any(entry.roams for entry in table.entries),
            frozenset(mac for mac, ends in moving.items() if own not in ends),
        )


def bridge_lines(
    device: str, was: Ways, now: Ways, *, bridged: Collection[str] | None = None
) -> Iterator[str]:
    """Yield what makes the forwarding entries of a device, and of its bridge, be as they are now.

    ``bridged``: what the bridge has behind the device, the same as the device itself unless said.
    """
    there = {*(was.behind if bridged is None else bridged)}
    for mac in sorted(was.hosts.keys() - now.hosts.keys()):
        yield f"fdb del {mac} dev {device} self"
    for mac in sorted(there - {*now.behind}):
        yield f"fdb del {mac} dev {device} master"
    for mac, endpoint in sorted(now.hosts.items()):
        if was.hosts.get(mac) != endpoint:
            yield f"fdb replace {mac} dev {device} dst {endpoint} self static"
            yield f"fdb replace {mac} dev {device} master static"
    for mac in sorted(now.moving - there):
        yield f"fdb replace {mac} dev {device} master static"
    for endpoint in sorted(was.endpoints - now.endpoints):
        yield f"fdb del {EVERYBODY} dev {device} dst {endpoint} self"
    for endpoint in sorted(now.endpoints - was.endpoints):
        yield f"fdb append {EVERYBODY} dev {device} dst {endpoint} self permanent"
    if was.answers != now.answers:
        yield f"link set dev {device} neigh_suppress {'on' if now.answers else 'off'}"


def neighbour_lines(bridge: str, was: Ways, now: Ways) -> Iterator[str]:
    """Yield what makes the neighbours of a bridge be as they are now."""
    for address in sorted(was.neighbours.keys() - now.neighbours.keys()):
        yield f"neigh del {address} dev {bridge}"
    for address, mac in sorted(now.neighbours.items()):
        if was.neighbours.get(address) != mac:
            yield f"neigh replace {address} lladdr {mac} dev {bridge} nud permanent"


@dataclass(frozen=True, slots=True)
class Found:
    """What the kernel holds of a network: as ``Ways``, and where its bridge has MACs."""

    ways: Ways
    bridged: frozenset[str]
    elsewhere: frozenset[str]  # MACs that the bridge has behind another of its ports
    #: MAC -> tap of those that were behind the device until a guest came here.
    arrived: Mapping[str, str]


def found_ways(
    device: str,
    bridge: str,
    fdb: Iterable[Mapping[str, Any]],
    neighbours: Iterable[Mapping[str, Any]],
    *,
    answers: bool,
) -> Found:
    """Read ``bridge -j fdb show`` and ``ip -j neigh show`` for one network."""
    hosts: dict[str, str] = {}
    endpoints: set[str] = set()
    bridged: set[str] = set()
    elsewhere: set[str] = set()
    arrived: dict[str, str] = {}
    for entry in fdb:
        mac, flags = str(entry["mac"]), entry.get("flags") or ()
        if entry.get("ifname") != device:
            if entry.get("master") == bridge:
                elsewhere.add(mac)
                if entry.get("state") == "static":
                    arrived[mac] = str(entry["ifname"])
        elif "self" in flags and "dst" in entry:
            if mac == EVERYBODY:
                endpoints.add(str(entry["dst"]))
            else:
                hosts[mac] = str(entry["dst"])
        elif entry.get("master") == bridge and entry.get("state") == "static":
            bridged.add(mac)
    known = {
        str(entry["dst"]): str(entry.get("lladdr", ""))
        for entry in neighbours
        if entry.get("dev") == bridge and "PERMANENT" in entry.get("state", ())
    }
    return Found(
        Ways(hosts, known, frozenset(endpoints), answers, frozenset(bridged - hosts.keys())),
        frozenset(bridged),
        frozenset(elsewhere),
        arrived,
    )


def lacking(found: Found, wanted: Ways) -> Sequence[str]:
    """Return the MACs that the bridge should have behind the device and has nowhere."""
    return sorted({*wanted.behind} - found.bridged - found.elsewhere)


def arrival_lines(found: Found, wanted: Ways) -> Iterator[str]:
    """Yield what lets the bridge forget guests that came here when they go: it has learned them by themselves."""
    for mac, tap in sorted(found.arrived.items()):
        if mac not in wanted.behind:
            yield f"fdb replace {mac} dev {tap} master dynamic"


def death_lines(found: Found, wanted: Ways) -> Iterator[str]:
    """Yield what lets the bridge forget at once guests that came here."""
    for mac, tap in sorted(found.arrived.items()):
        if mac not in wanted.behind:
            yield f"fdb del {mac} dev {tap} master"


@lru_cache(maxsize=8192)  # a change says one entry anew, and the others as they were
def _read(
    mac: str, endpoint: str, addresses: tuple[str, ...]
) -> tuple[str, str, Sequence[tuple[str, int]]]:
    """Return an entry's parts in one form each, with the versions of its addresses."""
    parsed = map(texts.address, addresses)
    return checked_mac(mac), _endpoint(endpoint), [(str(one), one.version) for one in parsed]


def _endpoint(text: str) -> str:
    found = texts.address(text)
    if found.version != 4 or found.is_multicast or found.is_unspecified or found.is_loopback:
        raise DriverError("A tunnel leads to no host's address.", detail=repr(text))
    return str(found)


def checked_mac(text: str) -> str:
    """Return a MAC address in one form; raise DriverError for what is none."""
    if not _MAC.match(text.lower()):
        raise DriverError("A forwarding entry holds a broken MAC address.", detail=repr(text))
    return text.lower()
