"""VXLAN between hosts: a device for each network, what leads into it, and who may send to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cloudweb import process
from cloudweb.driver import DriverError
from network.drivers.linuxbridge import namespaces, nft, texts
from network.drivers.linuxbridge.config import BridgeConfig, NetworkNames
from network.drivers.linuxbridge.forwarding import (
    Found,
    Ways,
    arrival_lines,
    bridge_lines,
    death_lines,
    found_ways,
    lacking,
    neighbour_lines,
)
from network.drivers.linuxbridge.links import Links
from network.objects import ForwardingTable, NetworkWiring

IPV6 = Path("/proc/sys/net/ipv6")
OVERHEAD = 50  # outer IPv4, UDP and VXLAN headers and the inner Ethernet header


class _Guard(NamedTuple):
    """Which endpoint may send to which number, and the numbers that are ours."""

    peers: frozenset[tuple[str, int]]
    numbers: frozenset[int]


class Tunnels:
    """Callers do the work on one network in turn."""

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self.table = f"{config.table}_tunnel"
        self._ways: dict[str, tuple[NetworkNames, Ways]] = {}  # by network, what this process did
        self._seen: _Guard | None = None  # as this process left it; None: unknown
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Return the tunnel address of this host; empty where there is none."""
        text = self._config.tunnel
        if not text:
            return ""
        if text[0].isdigit() or ":" in text:
            return self._checked(text)
        with Links.open() as links:
            if links.find(text) is None:
                return ""
            found = links.addresses(text)
        return self._checked(str(found[0])) if found else ""

    def found(self) -> tuple[str, str]:
        """Return the tunnel address when it is in order, and else what keeps tunnels from working.

        Both are empty where none is set.
        """
        text = self._config.tunnel
        if not text:
            return "", ""
        try:
            address = self.address
        except DriverError as error:
            return "", error.message
        if not address:
            return "", f"NETWORK_TUNNEL names {text}, which has no IPv4 address on this host."
        with Links.open() as links:
            if links.holder_of(address) is None:
                return (
                    "",
                    f"The tunnel address {address} is not on this host: tunnels carry nothing.",
                )
        return address, ""

    def narrow(self) -> Sequence[str]:
        """Return a sentence where packets of networks here do not fit through the tunnels whole."""
        if not self._ways:
            return ()
        with Links.open() as links:
            under = links.holder_of(self.address)
            if under is None:
                return ()
            room = links.get(under).mtu - OVERHEAD
            found = {names.wire: links.find(names.wire) for names, _ in [*self._ways.values()]}
        largest = max((link.mtu for link in found.values() if link is not None), default=0)
        if largest <= room:
            return ()
        carried, needed = room + OVERHEAD, largest + OVERHEAD
        advice = f"Raise its MTU, or make networks with less (NETWORK_MTU={carried})."
        return [
            f"{under} carries packets of {carried} bytes; a network here needs {needed}. {advice}"
        ]

    @property
    def underlay(self) -> str:
        """Return the interface of the tunnel address when it is for tunnels alone, else nothing."""
        address = self.address
        if not address:
            return ""
        with Links.open() as links:
            name = links.holder_of(address)
            return name if name and name != "lo" and not links.is_uplink(name) else ""

    def ensure(
        self,
        network: NetworkWiring,
        names: NetworkNames,
        number: int,
        table: ForwardingTable | None,
    ) -> None:
        """Make device, guard and entries be as told, whatever is there."""
        own, problem = self.found()
        if not own:
            raise DriverError(
                problem
                or "This host has no tunnel address, so it cannot join a VXLAN (NETWORK_TUNNEL)."
            )
        wanted = Ways.of(table, own=own, six=IPV6.exists())
        self._ways.pop(network.id, None)
        self._guard(number, wanted.endpoints, anew=True)
        with Links.open() as links:
            links.ensure_vxlan(names.wire, number=number, local=own, port=self._config.tunnel_port)
            namespaces.write_sysctl(f"net/ipv6/conf/{names.wire}/disable_ipv6", "1")
            links.ensure(names.wire, alias=names.alias, mtu=network.mtu, master=names.bridge)
        found = self._found(names, wanted)
        lines = [f"link set dev {names.wire} learning off neigh_suppress {_switch(wanted.answers)}"]
        lines += bridge_lines(names.wire, found.ways, wanted, bridged=found.bridged)
        lines += [
            f"fdb replace {mac} dev {names.wire} master static" for mac in lacking(found, wanted)
        ]
        _batch("bridge", dict.fromkeys(lines))
        self._let_go(names, found, wanted)
        _batch("ip", neighbour_lines(names.bridge, found.ways, wanted))
        self._ways[network.id] = names, wanted

    def _let_go(self, names: NetworkNames, found: Found, wanted: Ways) -> None:
        """Let the bridge forget guests that came here when they go; one that died here at once."""
        try:
            _batch("bridge", arrival_lines(found, wanted))
        except process.CommandFailed:  # a tap without its guest is down, and learns nothing
            _batch("bridge", death_lines(self._found(names, wanted), wanted))

    def change(
        self,
        network: NetworkWiring,
        names: NetworkNames,
        number: int,
        table: ForwardingTable | None,
    ) -> bool:
        """Make the entries be as told now, None: as before; False where they are not as thought."""
        known = self._ways.get(network.id)
        if known is None:
            return False
        if table is None:
            return True
        was, now = known[1], Ways.of(table, own=self.address, six=IPV6.exists())
        if was == now:
            return True
        del self._ways[network.id]
        try:
            self._guard(number, was.endpoints | now.endpoints)
            _batch("bridge", bridge_lines(names.wire, was, now))
            _batch("ip", neighbour_lines(names.bridge, was, now))
            self._guard(number, now.endpoints)
        except process.CommandFailed:  # somebody else was at them, or a guest of theirs came here
            return False
        self._ways[network.id] = names, now
        return True

    def mac_of(self, network_id: str, address: str) -> str | None:
        """Return the MAC address that an address has on another host; None where it is on none."""
        known = self._ways.get(network_id)
        return None if known is None else known[1].neighbours.get(str(texts.address(address)))

    def forget(self, network_id: str, number: int | None = None) -> None:
        """Nobody may send to the network any more: its device is gone."""
        self._ways.pop(network_id, None)
        if number is not None:
            self._guard(number, None)

    def broken(self, tables: Collection[tuple[str, str]]) -> Sequence[str]:
        """Return the networks whose device or entries are not as they were made."""
        ways = dict(self._ways)
        if not ways:
            return ()
        if ("inet", self.table) not in tables:
            return [*ways]
        fdb, neighbours = _shown("bridge", "fdb", "show"), _permanent()
        by_bridge, by_device = _by(fdb, "master"), _by(fdb, "ifname")
        known = _by(neighbours, "dev")
        wrong = []
        for network_id, (names, wanted) in ways.items():
            there = [*by_device.get(names.wire, ()), *by_bridge.get(names.bridge, ())]
            found = found_ways(
                names.wire, names.bridge, there, known.get(names.bridge, ()), answers=wanted.answers
            )
            if found.ways != wanted or lacking(found, wanted):
                wrong.append(network_id)
        return wrong

    def release(self) -> None:
        """Drop the guard: no network is left."""
        with self._lock:
            nft.delete(("inet", self.table))
            self._seen = None

    def _found(self, names: NetworkNames, wanted: Ways) -> Found:
        fdb = _shown("bridge", "fdb", "show", "dev", names.wire)
        for entry in fdb:
            entry["ifname"] = names.wire  # not said when it was asked for
        fdb += _shown("bridge", "fdb", "show", "br", names.bridge)
        known = _permanent("dev", names.bridge)
        for entry in known:
            entry.setdefault("dev", names.bridge)
        return found_ways(names.wire, names.bridge, fdb, known, answers=wanted.answers)

    def _guard(self, number: int, endpoints: frozenset[str] | None, *, anew: bool = False) -> None:
        """Let exactly these hosts send to a network; None: it is none of ours any more."""
        with self._lock:
            if anew or self._seen is None:
                self._seen = self._found_guard()
            seen = self._seen or _Guard(frozenset(), frozenset())
            wanted = _Guard(
                frozenset(one for one in seen.peers if one[1] != number)
                | {(one, number) for one in endpoints or ()},
                seen.numbers - {number} if endpoints is None else seen.numbers | {number},
            )
            lines = [] if self._seen is not None else [self.guard_table()]
            for name, was, now in (
                ("numbers", _texts(seen.numbers), _texts(wanted.numbers)),
                ("peers", _pairs(seen.peers), _pairs(wanted.peers)),
            ):
                for verb, some in (("delete", was - now), ("add", now - was)):
                    if some:
                        elements = ", ".join(sorted(some))
                        lines.append(f"{verb} element inet {self.table} {name} {{ {elements} }}")
            if lines:
                self._seen = None
                nft.apply("\n".join((*lines, "")))
            self._seen = wanted

    def guard_table(self) -> str:
        """Return the table: what comes for a network of ours is from a host that has ports of it, or dropped.

        ``@th,96,24`` is the number (VNI): the 24 bits after UDP's header and VXLAN's flags.
        """
        return "\n".join(
            (
                f"table inet {self.table} {{",
                "  set peers {",
                "    typeof ip saddr . @th,96,24;",
                "  }",
                "  set numbers {",
                "    typeof @th,96,24;",
                "  }",
                "  chain input {",
                "    type filter hook input priority filter; policy accept;",
                f"    udp dport {self._config.tunnel_port} goto tunnel",
                "  }",
                "  chain tunnel {",
                "    ip saddr . @th,96,24 @peers accept",
                "    @th,96,24 @numbers drop",
                "  }",
                "}",
            )
        )

    def _found_guard(self) -> _Guard | None:
        """Return who may send as the kernel has it; None where the guard is not there, or not whole."""
        if ("inet", self.table) not in nft.tables(self.table):
            return None
        listed = json.loads(process.run("nft", "-j", "list", "table", "inet", self.table).stdout)
        rows = listed["nftables"]
        sets = {one["set"]["name"]: one["set"].get("elem", ()) for one in rows if "set" in one}
        if {*sets} != {"peers", "numbers"} or sum("rule" in one for one in rows) != 3:
            nft.delete(("inet", self.table))
            return None
        return _Guard(
            frozenset((one["concat"][0], _integer(one["concat"][1])) for one in sets["peers"]),
            frozenset(_integer(one) for one in sets["numbers"]),
        )

    @staticmethod
    def _checked(text: str) -> str:
        address = texts.address(text)
        if address.version != 4:
            raise DriverError(f"The tunnel address {address} is not an IPv4 address.")
        return str(address)


def _batch(program: str, lines: Iterable[str]) -> None:
    """Give a program all commands at once; raise CommandFailed when one of them is refused."""
    found = texts.checked(lines)
    if found:
        process.run(
            program, "-force", "-batch", "-", data="".join(f"{one}\n" for one in found).encode()
        )


def _shown(*words: str) -> list[dict[str, Any]]:
    program, *rest = words
    done = process.run(program, "-j", *rest, check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout or b"[]") if done.returncode == 0 else []
    return found


def _permanent(*words: str) -> list[dict[str, Any]]:
    return _shown("ip", "neigh", "show", *words, "nud", "permanent")


def _by(entries: Iterable[Mapping[str, Any]], key: str) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        found.setdefault(str(entry.get(key, "")), []).append(entry)
    return found


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _texts(numbers: Iterable[int]) -> set[str]:
    return {str(number) for number in numbers}


def _pairs(peers: Iterable[tuple[str, int]]) -> set[str]:
    return {f"{endpoint} . {number}" for endpoint, number in peers}


def _integer(value: int | str) -> int:
    return value if isinstance(value, int) else int(value, 0)
