"""What nftables' rules do with a packet, read from ``nft -j list chain``; pure functions.

They know the words that our own filters are made of. A rule with others that the packet gets to is not
judged: what becomes of it there nobody can tell.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudweb.addresses import parse_address, parse_block
from network.protocols import ICMP, ICMPV6, PROTOCOLS, WITH_PORTS

CLIENT_PORT = 49152  # stands for those that clients send from (RFC 6335)
#: Types of ICMP by the kernel's names, so far as rules may say some.
_ECHO = {"echo-request": {ICMP: 8, ICMPV6: 128}, "echo-reply": {ICMP: 0, ICMPV6: 129}}
_FIRST_CODES = ("net-unreachable", "no-route")  # nft's names for code 0, of any type
_VERDICTS = ("accept", "drop", "return")
#: Tells whether an address is in a named set.
Holds = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Judged:
    """A packet as rules see it, the first of its connection; ``mac`` is whose card it left."""

    mac: str
    source: str
    destination: str
    protocol: int
    port: int | None

    @property
    def version(self) -> int:
        """Its version of IP."""
        return 6 if ":" in self.destination else 4


class UnknownRuleError(Exception):
    """A rule has words that are not ours."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict of a chain, None where it has none, and the place of the rule that gave it."""

    verdict: str | None
    place: int = -1


def judge(rules: Sequence[Mapping[str, Any]], packet: Judged, holds: Holds) -> Judgement:
    """Return what the first rule does that ends the chain; raise UnknownRuleError."""
    for place, rule in enumerate(rules):
        words = rule["expr"]
        verdict = next((one for word in words for one in _VERDICTS if one in word), None)
        if verdict is None and not any({"jump", "goto", "vmap"} & word.keys() for word in words):
            continue  # it marks or counts
        if all(_matches(word["match"], packet, holds) for word in words if "match" in word):
            if verdict is None:
                raise UnknownRuleError
            return Judgement(verdict, place)
    return Judgement(None)


def dropped(rules: Iterable[Mapping[str, Any]]) -> int:
    """Return how many packets the rules of a chain dropped, by those that count."""
    return sum(
        word["counter"]["packets"]
        for rule in rules
        if any("drop" in word for word in rule["expr"])
        for word in rule["expr"]
        if "counter" in word
    )


def _matches(match: Mapping[str, Any], packet: Judged, holds: Holds) -> bool:
    left, right = match["left"], match["right"]
    if "ct" in left:
        return False  # it begins a connection, and a right one
    value = _value(left, packet)
    if value is None:
        return False  # a packet of another kind
    if isinstance(right, str) and right.startswith("@"):
        found = holds(right[1:], str(value))
    else:
        wanted = right["set"] if isinstance(right, dict) and "set" in right else [right]
        found = any(_is_in(value, one, packet) for one in wanted)
    return found is not bool(match["op"] == "!=")


def _value(left: Mapping[str, Any], packet: Judged) -> str | int | None:
    """Return what a rule looks at, None for what the packet has not."""
    if "meta" in left:
        return _meta(left["meta"]["key"], packet)
    field = left.get("payload", {})
    if "base" in field:  # of a neighbour's advertisement
        return None
    known = field.get("protocol"), field.get("field")
    if known == ("ether", "saddr"):
        return packet.mac
    if known == ("ether", "type"):
        return "ip6" if packet.version == 6 else "ip"
    if known[0] == "arp":
        return None
    if known[0] in ("ip", "ip6"):
        if (known[0] == "ip6") != (packet.version == 6):
            return None
        return {"saddr": packet.source, "daddr": packet.destination}.get(str(known[1]))
    return _transport(str(known[0]), str(known[1]), packet)


def _meta(key: str, packet: Judged) -> str | int:
    if key == "nfproto":
        return f"ipv{packet.version}"
    if key == "l4proto":
        return packet.protocol
    if key == "mark":  # it comes from a guest or another host, not from the gateway's leg
        return -1
    raise UnknownRuleError


def _transport(protocol: str, field: str, packet: Judged) -> str | int | None:
    if protocol in ("icmp", "icmpv6"):
        if packet.protocol != (ICMP if protocol == "icmp" else ICMPV6):
            return None
        return {"type": 8 if protocol == "icmp" else 128, "code": 0}.get(field)
    if protocol != "th" and PROTOCOLS.get(protocol) != packet.protocol:
        if protocol not in PROTOCOLS:
            raise UnknownRuleError
        return None
    if packet.protocol not in WITH_PORTS:
        return None
    return CLIENT_PORT if field == "sport" else packet.port


def _is_in(value: str | int, wanted: Any, packet: Judged) -> bool:
    if isinstance(wanted, dict):
        if "prefix" in wanted:
            return _is_in_block(value, wanted["prefix"])
        if "range" in wanted:
            return _is_between(value, *wanted["range"])
        raise UnknownRuleError
    if isinstance(value, int) and isinstance(wanted, str):
        if wanted in _ECHO:
            return value == _ECHO[wanted].get(packet.protocol)
        return value == (0 if wanted in _FIRST_CODES else _protocol(wanted))
    if isinstance(value, str) and (":" in value or "." in value) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return bool(value == wanted)


def _protocol(name: str) -> int | None:
    """Return a protocol's number by the name that nft has from the host's list; a type of ICMP has none."""
    try:
        return PROTOCOLS.get(name) or socket.getprotobyname(name)
    except OSError:
        return None


def _is_in_block(value: str | int, block: Mapping[str, Any]) -> bool:
    if isinstance(value, int):
        return False  # a mark
    return parse_address(value) in parse_block(f"{block['addr']}/{block['len']}")


def _is_between(value: str | int, first: Any, last: Any) -> bool:
    if isinstance(value, int):
        return isinstance(first, int) and isinstance(last, int) and first <= value <= last
    low, high, found = parse_address(first), parse_address(last), parse_address(value)
    return found.version == low.version and int(low) <= int(found) <= int(high)
