"""What a sighting means, in sentences: ours, for what hosts say names what only operators may know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from network.trace.objects import (
    BINDING,
    CARD,
    FILTERS,
    FLOWS,
    LEASE,
    MEMBERSHIP,
    ROUTER,
    TAP,
    WAY,
    Sighting,
)

_MENDED = "Its host mends that by itself within seconds; if it stays so, an operator must look at the host."
_OPERATOR = "Wait a moment; if it stays so, an operator must look at OVN."
#: What is right about it.
_FINE: Mapping[str, str] = {
    TAP: "it is on its network's wire",
    CARD: "its network card is in use",
    LEASE: "the guest took its address by DHCP",
    FILTERS: "the filters in force let it pass",
    WAY: "the way there is known",
    ROUTER: "it is whole",
    BINDING: "OVN has bound it to its host",
    FLOWS: "OVN's flows lead it there",
    MEMBERSHIP: "OVN has its row and its groups",
}
#: What is wrong about it, and what helps.
_WRONG: Mapping[str, tuple[str, str]] = {
    TAP: (
        "The card of {what} is not on its network's wire on its host, or switched off there.",
        _MENDED,
    ),
    CARD: (
        "Nobody uses the network card of {what}: its server does not run, or its guest switched the card off.",
        "Start the server; if it runs, look at its console.",
    ),
    FILTERS: (
        "The filters in force on the host drop it {way} {what}, though security groups let it pass.",
        _MENDED,
    ),
    WAY: ("The host that it is on does not know the way to {what}.", _MENDED),
    ROUTER: ("The {what} is not whole where it is.", _MENDED),
    BINDING: ("OVN has not bound {what} to its host, so nothing leads there.", _OPERATOR),
    FLOWS: ("OVN's flows, as they are in force, drop it on its way from {what}.", _OPERATOR),
    MEMBERSHIP: (
        "OVN's database does not have {what} as it should be, with all its security groups.",
        "The control plane mends that by itself within a second; if it stays so, an operator must look at OVN.",
    ),
}
#: What cannot be told, and what helps.
_OPEN: Mapping[str, tuple[str, str]] = {
    LEASE: (
        "The guest of {what} took no address by DHCP on this host yet: it has one from another host, or by hand.",
        "Look at the server's console: it may not have started, or have its network switched off.",
    ),
    FILTERS: (
        "What the filters on the host of {what} do with it cannot be told.",
        _MENDED,
    ),
    FLOWS: ("Where OVN's flows lead it from {what} could not be told.", _OPERATOR),
    BINDING: ("Whether OVN has bound {what} to its host could not be told.", _OPERATOR),
    MEMBERSHIP: ("OVN's database did not answer about {what}.", _OPERATOR),
    ROUTER: ("OVN's database did not answer about the {what}.", _OPERATOR),
}
KINDS = frozenset(_FINE)


def passing(what: str, sightings: Sequence[Sighting]) -> str:
    """Return what is right about a thing, in one sentence, and what was dropped there all the same."""
    parts = [_FINE[one.kind] + _since(one) for one in sightings]
    said = ", ".join(parts[:-1]) + (" and " if parts[1:] else "") + parts[-1]
    return f"Seen just now of {what}: {said}.{''.join(map(_dropped, sightings))}"


def failing(what: str, sighting: Sighting) -> tuple[str, str] | None:
    """Return what is wrong and what helps; None for what nobody has words for."""
    table = _OPEN if sighting.passes is None else _WRONG
    if sighting.kind not in table:
        return None
    text, remedy = table[sighting.kind]
    way = "into" if sighting.direction == "ingress" else "out of"
    return text.format(what=what, way=way) + _dropped(sighting), remedy


def _since(sighting: Sighting) -> str:
    if sighting.since is None:
        return ""
    at = datetime.fromtimestamp(sighting.since, UTC)
    return f" (first at {at:%Y-%m-%d %H:%M} UTC)"


def _dropped(sighting: Sighting) -> str:
    if not sighting.dropped:
        return ""
    way = "to" if sighting.direction == "ingress" else "from"
    packets = "1 packet" if sighting.dropped == 1 else f"{sighting.dropped} packets"
    return f" The filters have dropped {packets} {way} it since they were last written."
