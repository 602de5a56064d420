"""What a host is told of its networks, and how far it has come.

A port's wiring and a set of members are told apart: a port when it changed, a set by its changes. What
the host confirmed is kept with each; a host that has another generation than was thought, says so in
its answer or in a report, and is told from there, or all of it. So a change may be lost, and is made good.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet

from cloudweb.database.prepared import Given, Prepared, PreparedUpdate
from cloudweb.identifiers import as_uuid
from cloudweb.objects import parse_version
from network import members, places, states
from network.models import HeldForwarding, HeldSet, MemberSet, Network, Port
from network.objects import (
    GroupMembers,
    GroupStatus,
    MembersChange,
    NetworkConfirmation,
    NetworkPicture,
    PortWiring,
)
from network.places import note_places, to_tell
from network.resolution import port_wirings
from network.rpc import PLUG
from operations import services

#: More changes than there were of any one thing since a copy that somebody restores was made.
LEAP = 100_000
#: The first version of a port's wiring that names groups.
GROUPS_SINCE = (1, 1)


def speaks_groups(host: str) -> bool:
    """Tell whether a host takes sets of members; one that never said what it speaks is of today."""
    version = services.peer(host, PLUG.domain).speaks.get(PLUG.name)
    return version is None or parse_version(version) >= GROUPS_SINCE


def wiring_to_plug(port_id: UUID) -> PortWiring | None:
    """Return a port as its host shall plug it, with the sets it may lack; None when it is gone.

    The port remembers which revision was told.
    """
    facts = _PLACE.row(id=port_id)
    literal = facts is not None and not speaks_groups(facts[0])
    found = port_wirings([port_id], literal=literal)
    if facts is None or not found:
        return None
    host, is_first = facts
    told = found[0]
    _TOLD(id=port_id, ordered_revision=told.revision)
    sets = _Sets(host, [told], literal=literal)
    if is_first:
        sets.forget_confirmed()
    table = to_tell(told, host, is_first=is_first)
    return _as_spoken(told, literal=literal).model_copy(
        update={"groups": sets.unknown(), "forwarding": table}
    )


def wiring_to_expect(port_id: UUID, host: str) -> PortWiring | None:
    """Return a port as a host shall plug it that it is to go to, with the sets it may lack; None when it is gone.

    It stays the port of its own host: nothing is confirmed by what that one answers.
    """
    literal = not speaks_groups(host)
    found = port_wirings([port_id], literal=literal)
    if not found:
        return None
    (told,) = found
    mine = Port.objects.plugged().filter(host=host, network=UUID(told.network.id))
    is_first = not mine.exists()
    sets = _Sets(host, [told], literal=literal)
    if is_first:
        sets.forget_confirmed()
    table = to_tell(told, host, is_first=is_first)
    return _as_spoken(told, literal=literal).model_copy(
        update={"groups": sets.unknown(), "forwarding": table}
    )


def _place() -> QuerySet[Port, tuple[str, bool]]:
    """Ask where a port is, and whether it is the first of its network there."""
    others = Port.objects.plugged().filter(host=OuterRef("host"), network=OuterRef("network"))
    others = others.exclude(id=OuterRef("id"))
    rows = Port.objects.filter(id=Given("id")).annotate(is_first=~Exists(others))
    return rows.values_list("host", "is_first")


_PLACE = Prepared(_place)
_TOLD = PreparedUpdate(lambda: Port.objects.filter(id=Given("id")), "ordered_revision")
_HELD = Prepared(
    lambda: HeldSet.objects.filter(
        host=Given("host"),
        member_set__security_group__among=Given("groups"),
        member_set__network__among=Given("networks"),
    ).select_related("member_set")
)
_CONFIRMED = PreparedUpdate(lambda: HeldSet.objects.filter(id=Given("id")), "applied_generation")


def pictures_for(host: str) -> list[NetworkPicture]:
    """Return, a network each, the ports and sets of which a host has not confirmed the newest."""
    literal = not speaks_groups(host)
    behind = list(HeldSet.objects.behind(host).select_related("member_set"))
    written = [row for row in behind if literal or row.literal]  # into the rules of ports
    ports = Port.objects.outdated_on(host)
    ids = {*ports.values_list("id", flat=True), *_naming(host, written)}
    wirings = port_wirings(ids, literal=literal)
    told = Port.objects.filter(id__in=[wiring.id for wiring in wirings])
    told.update(ordered_revision=F("wiring_revision"))
    sets = _Sets(host, wirings, literal=literal)
    sets.switch([row for row in written if not literal])
    pictures = _Pictures()
    pictures.moved = {str(row.forwarding_id): row for row in places.behind(host)}
    for wiring in wirings:
        pictures.ports[wiring.network.id].append(_as_spoken(wiring, literal=literal))
    for one in sets.unknown():
        pictures.add(one)
    for row in () if literal else behind:
        pictures.bring_up(row)
    return pictures.list()


@dataclass
class _Pictures:
    """What is told of each network."""

    ports: defaultdict[str, list[PortWiring]] = field(default_factory=lambda: defaultdict(list))
    groups: defaultdict[str, dict[str, GroupMembers]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    changes: defaultdict[str, list[MembersChange]] = field(
        default_factory=lambda: defaultdict(list)
    )

    moved: Mapping[str, HeldForwarding] = field(default_factory=dict)

    def add(self, whole: GroupMembers) -> None:
        self.groups[whole.network_id][whole.group_id] = whole

    def bring_up(self, row: HeldSet) -> None:
        """Tell what changed since the host confirmed a set, or all of it."""
        one = row.member_set
        network_id = str(one.network_id)
        if str(one.security_group_id) in self.groups[network_id]:
            return
        known = row.applied_generation
        change = members.since(one, known) if known and not row.literal else None
        if change is None:
            self.add(members.whole(one))
        else:
            self.changes[network_id].append(change)

    def list(self) -> list[NetworkPicture]:
        return [
            NetworkPicture(
                id=network_id,
                ports=tuple(self.ports[network_id]),
                groups=tuple(self.groups[network_id].values()),
                changes=tuple(self.changes[network_id]),
                **self._places(network_id),
            )
            for network_id in sorted({*self.ports, *self.groups, *self.changes, *self.moved})
        ]

    def _places(self, network_id: str) -> dict[str, Any]:
        row = self.moved.get(network_id)
        if row is None:
            return {}
        known = row.applied_generation
        moves = places.since(row.forwarding, known) if known else None
        return {"forwarding": places.whole(row.forwarding)} if moves is None else {"moves": moves}


class _Sets:
    """The sets that ports name, as their host holds them; it is noted that it does."""

    def __init__(self, host: str, wirings: Sequence[PortWiring], *, literal: bool) -> None:
        self._wanted = {
            (UUID(group), UUID(wiring.network.id))
            for wiring in wirings
            for group in wiring.named_groups
        }
        self._literal = literal
        self._held = _held(host, self._wanted) if self._wanted else {}
        missing = self._wanted - self._held.keys()
        if missing:
            sets = members.ensure_sets(missing)
            HeldSet.objects.bulk_create(
                (HeldSet(host=host, member_set=one, literal=literal) for one in sets.values()),
                ignore_conflicts=True,
            )
            self._held |= _held(host, missing)
        if literal:  # it will have confirmed what it is told now
            for row in self._held.values():
                self._write(row, literal=True, ordered_generation=row.member_set.generation)

    def forget_confirmed(self) -> None:
        """Take it that the host has none of them: it had no port of the network since."""
        for row in self._held.values():
            if row.applied_generation:
                self._write(row, applied_generation=0)

    def switch(self, rows: Iterable[HeldSet]) -> None:
        """Note that all ports with these sets in their rules are told anew, by their names."""
        for row in rows:
            self._write(row, literal=False, applied_generation=0)

    def unknown(self) -> tuple[GroupMembers, ...]:
        """Return, whole, those that the host has not confirmed."""
        rows = () if self._literal else self._held.values()
        return tuple(
            members.whole(row.member_set)
            for row in rows
            if row.literal or not row.applied_generation
        )

    def _write(self, row: HeldSet, **changes: Any) -> None:
        HeldSet.objects.filter(id=row.id).update(**changes)
        mine = self._held.get((row.member_set.security_group_id, row.member_set.network_id))
        for name, value in changes.items():
            setattr(mine or row, name, value)


def _as_spoken(wiring: PortWiring, *, literal: bool) -> PortWiring:
    return wiring.model_copy(update={"group_rules": ()}) if literal else wiring


def start_over() -> list[str]:
    """Number everything above whatever hosts were told, and take nothing for confirmed; return the hosts to tell.

    What a host was told after a copy of the database was made, it would keep against what is older.
    """
    Network.objects.update(wiring_revision=F("wiring_revision") + LEAP)
    Port.objects.update(wiring_revision=F("wiring_revision") + LEAP)
    MemberSet.objects.update(generation=F("generation") + LEAP)
    HeldSet.objects.update(applied_generation=0)
    places.start_over(LEAP)
    return sorted(set(Port.objects.plugged().values_list("host", flat=True)))


def is_behind(host: str) -> bool:
    """Tell whether a host has not confirmed the newest of all it shall have."""
    return (
        Port.objects.outdated_on(host).exists()
        or HeldSet.objects.behind(host).exists()
        or bool(places.behind(host))
    )


def confirm(host: str, answers: Sequence[NetworkConfirmation]) -> bool:
    """Write down what a host has now; return whether it has to be told more.

    A port that has left it meanwhile answered nothing.
    """
    ports = [port for answer in answers for port in answer.ports]
    for up, status in ((True, states.ACTIVE), (False, states.DOWN)):
        ids = [port.id for port in ports if port.up is up]
        if ids:
            Port.objects.filter(id__in=ids, host=host, applied_revision__gt=0).update(
                applied_revision=F("ordered_revision"), status=status
            )
    networks = [UUID(answer.id) for answer in answers if not answer.groups]
    if networks:  # of a host that speaks none, or has none
        HeldSet.objects.filter(host=host, literal=True, member_set__network__in=networks).update(
            applied_generation=F("ordered_generation")
        )
    tables = [answer.forwarding for answer in answers if answer.forwarding is not None]
    further = note_places(host, tables)
    groups = [group for answer in answers for group in answer.groups]
    return note_generations(host, groups) or further


def differing(
    told: Mapping[str, Sequence[GroupStatus]],
) -> dict[str, list[GroupStatus]]:
    """Return, by host, what hosts say of their sets that is not as it was confirmed; one query for all of them."""
    hosts = [host for host, statuses in told.items() if statuses]
    if not hosts:
        return {}
    columns = "host", "member_set__network", "member_set__security_group", "applied_generation"
    rows = HeldSet.objects.filter(host__in=hosts).values_list(*columns)
    known = {(host, str(network), str(group)): at for host, network, group, at in rows}
    found = {
        host: [
            one
            for one in told[host]
            if known.get((host, one.network_id, one.group_id)) != one.generation
        ]
        for host in hosts
    }
    return {host: statuses for host, statuses in found.items() if statuses}


def note_generations(host: str, statuses: Iterable[GroupStatus]) -> bool:
    """Write down which generation of its sets a host has; return whether that is news, and not the newest.

    Of what was known to be behind the host is being told. A host may be ahead after the database was
    restored from a copy: the set goes on above it.
    """
    said = {
        (group, network): status.generation
        for status in statuses
        if (group := as_uuid(status.group_id)) and (network := as_uuid(status.network_id))
    }
    held = _held(host, said) if said else {}
    unheld = said.keys() - held.keys()
    if unheld:
        held |= _hold(host, unheld)
    behind = False
    for key, row in held.items():
        if row.literal:
            continue
        generation, one = said[key], row.member_set
        if generation > one.generation:
            one.generation = generation + 1
            MemberSet.objects.filter(id=one.id).update(generation=one.generation)
            generation = 0
        if generation != row.applied_generation:
            _CONFIRMED(id=row.id, applied_generation=generation)
            behind = behind or generation < one.generation
    return behind


def _hold(host: str, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], HeldSet]:
    """Note that a host has sets which it was not known to have; what never was one is left out."""
    HeldSet.objects.bulk_create(
        (HeldSet(host=host, member_set=one) for one in members.find_sets(keys).values()),
        ignore_conflicts=True,
    )
    return _held(host, keys)


def _held(host: str, keys: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], HeldSet]:
    groups, networks = {group for group, _ in keys}, {network for _, network in keys}
    rows = _HELD.rows(host=host, groups=groups, networks=networks)
    found = {(row.member_set.security_group_id, row.member_set.network_id): row for row in rows}
    return {key: row for key, row in found.items() if key in keys}


def _naming(host: str, rows: Sequence[HeldSet]) -> set[UUID]:
    """Return the ports on a host whose rules name any of these sets."""
    found: set[UUID] = set()
    for row in rows:
        naming = Port.objects.plugged().naming_members_of([row.member_set.security_group_id])
        here = naming.filter(host=host, network=row.member_set.network_id)
        found.update(here.values_list("id", flat=True))
    return found
