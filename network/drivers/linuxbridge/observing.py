"""What the kernel has of ports, ways and routers, looked at for a path trace. It changes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cloudweb import process
from cloudweb.addresses import parse_address
from network.drivers.linuxbridge.config import BridgeConfig, NetworkNames
from network.drivers.linuxbridge.judging import Judged, UnknownRuleError, dropped, judge
from network.drivers.linuxbridge.links import Link, Links
from network.trace.objects import CARD, FILTERS, LEASE, TAP, WAY, PortLook, Sighting, WayLook

TIMEOUT = 3.0  # seconds for an answer of the kernel's tools
_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,15}\Z")
_KERNEL, _NFTABLES, _DHCP = "kernel", "nftables", "dnsmasq"
Rules = list[dict[str, Any]]
#: Returns when a guest took its address on a network (by MAC address), 0 when it has not.
Leases = Callable[[str, str], float]


def look_at_port(look: PortLook, config: BridgeConfig, leases: Leases) -> Iterator[Sighting]:
    """Tell of a port's tap, lease and filters."""
    names = config.names(look.network_id)
    if not _NAME.match(look.tap):
        return
    with Links.open() as links:
        tap, bridge = links.find(look.tap), links.find(names.bridge)
    yield from _tap(look, tap, bridge, names)
    if look.leases:
        at = leases(look.network_id, look.mac)
        yield Sighting(
            kind=LEASE,
            about=look.port_id,
            passes=True if at else None,
            source=_DHCP,
            since=at or None,
        )
    yield _filters(look, names)


def look_at_way(look: WayLook, config: BridgeConfig) -> Sighting:
    """Tell where the kernel sends what is for a MAC address of another host's."""
    names = config.names(look.network_id)
    with Links.open() as links:
        wire, bridge = links.find(names.wire), links.find(names.bridge)
    seen = Sighting(kind=WAY, about=look.mac, passes=False, source=_KERNEL)
    if wire is None or bridge is None or wire.master != bridge.index or not wire.up:
        return seen.model_copy(update={"detail": f"{names.wire} is not on {names.bridge}, or down"})
    listed = process.run("bridge", "-j", "fdb", "show", "br", names.bridge, timeout=TIMEOUT)
    entries = [one for one in json.loads(listed.stdout or b"[]") if one["mac"] == look.mac.lower()]
    ends = [str(one["dst"]) for one in entries if one["ifname"] == names.wire and "dst" in one]
    behind = [one["ifname"] for one in entries if one.get("master") == names.bridge]
    if ends != [look.endpoint]:
        where = f"leads to {', '.join(ends)}, not {look.endpoint}" if ends else "has no entry"
        return seen.model_copy(update={"detail": f"{look.mac} {where} on {names.wire}"})
    if [one for one in behind if one != names.wire]:
        return seen.model_copy(
            update={"detail": f"{names.bridge} has {look.mac} behind {', '.join(behind)}"}
        )
    detail = f"{look.mac} leads to {look.endpoint}"
    return seen.model_copy(update={"passes": True, "detail": detail})


def _tap(
    look: PortLook, tap: Link | None, bridge: Link | None, names: NetworkNames
) -> Iterator[Sighting]:
    wrong = ""
    if tap is None:
        wrong = f"{look.tap} is not there"
    elif bridge is None or tap.master != bridge.index:
        wrong = f"{look.tap} is not on {names.bridge}"
    elif not tap.up:
        wrong = f"{look.tap} is down"
    yield Sighting(kind=TAP, about=look.port_id, passes=not wrong, source=_KERNEL,
                   detail=wrong or f"{look.tap} is on {names.bridge}")  # fmt: skip
    if tap is not None and tap.up:
        detail = f"{look.tap} has {'a' if tap.carrier else 'no'} carrier"
        yield Sighting(kind=CARD, about=look.port_id, passes=tap.carrier, source=_KERNEL,
                       detail=detail)  # fmt: skip


def _filters(look: PortLook, names: NetworkNames) -> Sighting:
    """Judge the packet by the chains that are in force for the port."""
    seen = Sighting(
        kind=FILTERS,
        about=look.port_id,
        direction=look.direction,
        passes=None,
        source=_NFTABLES,
    )
    chains = _Chains(names.filters)
    try:
        passes, detail, count = chains.asked(look)
    except (process.CommandFailed, UnknownRuleError):
        detail = f"table {names.filters} is not as it was made"
        return seen.model_copy(update={"detail": detail})
    return seen.model_copy(update={"passes": passes, "detail": detail, "dropped": count})


class _Chains:
    """The filters of a network, as the kernel has them."""

    def __init__(self, table: str) -> None:
        self._table = table

    def asked(self, look: PortLook) -> tuple[bool, str, int]:
        """Tell whether a packet passes a port's chains, by which place it does or not, and what these dropped."""
        source, destination = parse_address(look.source), parse_address(look.destination)
        packet = Judged(look.mac, str(source), str(destination), look.protocol, look.port)
        way = "senders" if look.direction == "egress" else "receivers"
        number, missing = self._number(look, way)
        if number is None:
            return False, missing, 0
        if look.direction == "egress":
            chains = [("bridge", f"source_{number}"), ("bridge", f"from_{number}"),
                      ("inet", f"egress_{number}")]  # fmt: skip
        else:
            chains = [("bridge", f"to_{number}"), ("inet", f"ingress_{number}")]
        rules = {chain: self._rules(*chain) for chain in chains}
        count = sum(dropped(one) for one in rules.values())
        for (family, name), found in rules.items():
            verdict = judge(found, packet, self._holds)
            where = f"chain {name} of table {family} {self._table}"
            if verdict.verdict == "drop":
                return False, f"{where} drops it by rule {verdict.place + 1} of {len(found)}", count
            if name.startswith("ingress") and verdict.verdict != "accept":
                return False, f"{where} has no rule that accepts it", count
        return True, f"{where} lets it pass", count

    def _number(self, look: PortLook, way: str) -> tuple[str | None, str]:
        """Return a port's number by the map that leads frames of its tap to its chains, or what lacks."""
        leads = self._map("bridge", way)
        target = leads.get(look.tap)
        if target is None:
            return None, f"map {way} of table bridge {self._table} lacks {look.tap}"
        number = target.rpartition("_")[2]
        if way == "receivers" and int(number) not in self._map("inet", way):
            return None, f"map {way} of table inet {self._table} lacks mark {number}"
        return number, ""

    def _map(self, family: str, name: str) -> Mapping[Any, str]:
        """Return which chain a map leads to, by its keys."""
        elements = self._listed("map", family, name)[0]["map"].get("elem", ())
        found = {}
        for key, verdict in elements:
            lead = verdict.get("jump") or verdict.get("goto") or {}
            found[key] = str(lead.get("target", ""))
        return found

    def _rules(self, family: str, name: str) -> Rules:
        return [one["rule"] for one in self._listed("chain", family, name) if "rule" in one]

    def _listed(self, kind: str, family: str, name: str) -> Sequence[Any]:
        words = ("nft", "-j", "list", kind, family, self._table, name)
        listed = process.run(*words, timeout=TIMEOUT)
        return [one for one in json.loads(listed.stdout)["nftables"] if "metainfo" not in one]

    def _holds(self, name: str, value: str) -> bool:
        """Tell whether a named set has an element; those that all chains share are of other kinds."""
        if not name.startswith(("a4_", "b4_", "a6_", "b6_")):
            family = "bridge" if name in ("spoken", "routing", "beginning") else "inet"
            elements = self._listed("set", family, name)[0]["set"].get("elem", ())
            return value in {str(one) for one in elements}
        words = ("nft", "get", "element", "inet", self._table, name, f"{{ {value} }}")
        return process.run(*words, timeout=TIMEOUT, check=False).returncode == 0
