"""From a provider's claims to a user and groups here: a pure function of rules and claims."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudweb.exceptions import Unauthorized
from identity.federation.rules import PLACE, DomainName, Local, Remote, Rule, expression_of

MOST_VALUES = 1000
LONGEST_VALUE = 1024
Claims = Mapping[str, tuple[str, ...]]
Values = Sequence[tuple[str, ...]] | Mapping[int, tuple[str, ...]]


class NotMapped(Unauthorized):
    """The provider vouches for someone whom no rule lets in."""

    code = "not_mapped"
    default_message = "No mapping rule lets this user in."


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """A group by name, in a domain by id or name."""

    name: str
    domain_id: str | None = None
    domain_name: str | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the rules say of one user; an empty name leaves the choice to the caller."""

    name: str = ""
    email: str = ""
    group_ids: frozenset[str] = frozenset()
    groups: frozenset[NamedGroup] = frozenset()


@dataclass(slots=True)
class _Draft:
    name: str = ""
    email: str = ""
    group_ids: set[str] = field(default_factory=set)
    groups: set[NamedGroup] = field(default_factory=set)


def flatten(claims: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return every claim as a list of texts under the names that rules use for it.

    A claim inside a claim is reached by dots (``realm_access.roles``). Rules written for Apache's
    module work as they are: ``OIDC-email`` and ``HTTP_OIDC_EMAIL`` are ``email``.
    """
    flat: dict[str, tuple[str, ...]] = {}
    for name, values in _leaves("", claims):
        flat[name] = values
        flat.setdefault(f"OIDC-{name}", values)
        flat.setdefault(f"HTTP_OIDC_{name.upper().replace('-', '_')}", values)
    return flat


def _leaves(prefix: str, claims: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for key, value in claims.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            if prefix.count(".") < 4:
                yield from _leaves(f"{name}.", value)
            continue
        listed = value if isinstance(value, list | tuple) else [value]
        texts = tuple(text for text in map(_text, listed) if text)
        if len(texts) > MOST_VALUES or any(len(text) > LONGEST_VALUE for text in texts):
            raise NotMapped(detail=f"the claim {name!r} is absurdly large")
        yield name, texts


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def apply(rules: Sequence[Rule], claims: Claims) -> Mapped:
    """Return what all matching rules say together; raise NotMapped if none matches.

    The first matching rule that names the user wins, groups add up.
    """
    draft, matched = _Draft(), False
    for rule in rules:
        values = _handed_on(rule.remote, claims)
        if values is None:
            continue
        matched = True
        for part in rule.local:
            _add(draft, part, values)
    if not matched:
        raise NotMapped
    return Mapped(draft.name, draft.email, frozenset(draft.group_ids), frozenset(draft.groups))


def _handed_on(demands: Sequence[Remote], claims: Claims) -> list[tuple[str, ...]] | None:
    """Return the values for ``{0}``, ``{1}`` …; None where a demand is not met."""
    found: list[tuple[str, ...]] = []
    for demand in demands:
        values = claims.get(demand.type, ())
        if not values:
            return None
        if demand.any_one_of is not None:
            if not any(_fits(demand, demand.any_one_of, value) for value in values):
                return None
        elif demand.not_any_of is not None:
            if any(_fits(demand, demand.not_any_of, value) for value in values):
                return None
        elif demand.whitelist is not None:
            allowed = demand.whitelist
            found.append(tuple(one for one in values if _fits(demand, allowed, one)))
        elif demand.blacklist is not None:
            denied = demand.blacklist
            found.append(tuple(one for one in values if not _fits(demand, denied, one)))
        else:
            found.append(values)
    return found


def _fits(demand: Remote, wanted: Sequence[str], value: str) -> bool:
    if demand.regex:
        return any(expression_of(pattern).search(value) for pattern in wanted)
    return value in wanted


def _add(draft: _Draft, part: Local, values: Sequence[tuple[str, ...]]) -> None:
    if part.user is not None:
        draft.name = draft.name or _one(part.user.name, values)
        draft.email = draft.email or _one(part.user.email, values)
    if part.group is not None and part.group.id is not None:
        draft.group_ids.update(_several(part.group.id, values))
    elif part.group is not None:
        _add_named(draft, part.group.name, part.group.domain, values)
    if part.group_ids is not None:
        draft.group_ids.update(_several(part.group_ids, values))
    if part.groups is not None:
        _add_named(draft, part.groups, part.domain, values)


def _add_named(
    draft: _Draft, text: str | None, domain: DomainName | None, values: Sequence[tuple[str, ...]]
) -> None:
    where = domain or DomainName(id="default")
    domain_id = _one(where.id, values) or None
    domain_name = _one(where.name, values) or None
    for name in _several(text or "", values):
        draft.groups.add(NamedGroup(name, domain_id, domain_name))


def _one(text: str | None, values: Values) -> str:
    """Fill places that must have one value; raise NotMapped where a claim has several."""
    if text is None:
        return ""

    def fill(place: re.Match[str]) -> str:
        held = values[int(place[1])]
        if len(held) > 1:
            raise NotMapped(detail=f"{text!r} wants one value, the claim has {len(held)}")
        return held[0] if held else ""

    return PLACE.sub(fill, text).strip()


def _several(text: str, values: Sequence[tuple[str, ...]]) -> list[str]:
    """Return one text for each value of the (only) list a text refers to."""
    places = [int(place) for place in PLACE.findall(text)]
    if len(set(places)) == 1:
        each = (_one(text, {places[0]: (one,)}) for one in values[places[0]])
        return [filled for filled in each if filled]
    filled = _one(text, values)
    return [filled] if filled else []
