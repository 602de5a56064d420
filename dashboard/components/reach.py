"""Who can reach what, as pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from cloudweb.addresses import parse_address
from dashboard.components.status import Badge
from dashboard.templatetags.pages import icon
from network.manager.reach import DeviceReach
from network.reach import Kind, Permission, Risk, leaving, summary
from network.rows import GroupName

OPEN = Badge("Wide open", "danger", "alert-triangle")
TRIED = Badge("Open to all", "warning", "world")
BADGES = {Risk.WIDE: OPEN, Risk.TRIED: TRIED}
_ICONS = {
    Kind.WORLD: "world",
    Kind.BLOCK: "map-pin",
    Kind.ADDRESSES: "map-pin",
    Kind.GROUP: "server-2",
}
#: So many sentences are shown in a row of a list.
SHOWN = 3


def own_address(request: HttpRequest) -> str:
    """Return the address that a browser asks from; "" for one that means nothing elsewhere."""
    try:
        found = parse_address(str(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None) or found
    return "" if mapped.is_loopback or mapped.is_unspecified else str(mapped)


def worst_of(found: Sequence[Permission]) -> Badge | None:
    """Return the badge of the greatest risk among permissions."""
    risks = {one.risk for one in found}
    return next((badge for risk, badge in BADGES.items() if risk in risks), None)


def advice_of(found: Sequence[Permission]) -> Sequence[str]:
    """Return what to do about the risks, the greatest first, each once."""
    risky = sorted((one for one in found if one.risk), key=lambda one: [*BADGES].index(one.risk))
    return [*dict.fromkeys(one.advice for one in risky)]


@dataclass(frozen=True, slots=True)
class FilterCard:
    """What one of a server's filters says of it."""

    networks: str
    groups: Sequence[GroupName]
    said_in: Sequence[str]
    said_out: str
    badge: Badge | None
    advice: Sequence[str]
    is_secured: bool
    is_stateful: bool


def filters_of(reach: DeviceReach, name: str) -> Sequence[FilterCard]:
    """Return who can reach a server of this name, by filter."""
    return [
        FilterCard(
            ", ".join(one.networks),
            one.groups,
            summary(one.permissions, name),
            leaving(one.permissions, name, stateful=one.is_stateful),
            worst_of(one.permissions),
            advice_of(one.permissions),
            one.is_secured,
            one.is_stateful,
        )
        for one in reach.filters
    ]


def sentences(found: Sequence[Permission]) -> SafeString:
    """Draw in a cell who can reach the members of a group."""
    said = summary(found)
    more = len(said) - SHOWN
    shown = [*said[:SHOWN], *([f"and {more} more"] if more > 0 else [])]
    return format_html(
        "<span>{}</span>", format_html_join("", '<span class="d-block">{}</span>', zip(shown))
    )


def sentence(one: Permission) -> SafeString:
    """Draw one permission, with what is risky about it."""
    badge = BADGES.get(one.risk)
    risk = (
        format_html('<span class="d-block small tone-{} toned">{}</span>', badge.tone, one.advice)
        if badge
        else ""
    )
    note = (
        format_html('<span class="d-block small quiet break">{}</span>', one.description)
        if one.description
        else ""
    )
    mark = icon(_ICONS[one.who.kind] if one.enters else "arrow-right")
    return format_html(
        '<span class="said">{}<span><span class="name break">{}</span>{}{}</span></span>',
        mark,
        one.sentence(),
        risk,
        note,
    )
