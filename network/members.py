"""Who is in a group on a network, for the hosts whose filters name the group.

What a member has is in its own rows; a set is a number that grows with each change, and the blocks that
changed of late, so that a host is told of those alone. Addresses are stored in one form and are not read
again: an address is the block of its own length. Networks that a router joins share their members.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from cloudweb.addresses import canonical_block
from cloudweb.database.locks import locked
from cloudweb.database.prepared import Given, Prepared, PreparedUpdate, insert
from network.models import MemberChange, MemberSet, Network, Port, PortAddress, RouterPort
from network.objects import GroupMembers, MembersChange

#: How many generations of a set are remembered; a host that is further behind is told all of it.
REMEMBERED, TRIMMED_EACH = 512, 64
WORTH_TELLING = 1000  # blocks, as changes


def note_change(
    network_id: UUID, group_ids: Collection[UUID], blocks: Collection[str], *, pairs: bool
) -> set[str]:
    """Raise the groups' sets on a network, and on those joined to it, because these blocks may have entered or left.

    Return the hosts to tell. The sets stay locked until the transaction ends. ``pairs``: one of the
    blocks is no port's own address.
    """
    groups = set(group_ids)
    if not groups:
        return set()
    sets = {"networks": {network_id, *_JOINED.rows(network=network_id)}, "groups": groups}
    if len(sets["networks"]) * len(groups) > 1:  # in one order, so that nobody waits crosswise
        _LOCKED.rows(**sets)
    grow = _GROW_WITH_PAIRS if pairs else _GROW
    grow(**sets)
    facts = _facts(sets)
    missing = groups - {one.group_id for one in facts if one.network_id == network_id}
    if missing:
        _make([(group, network_id) for group in missing])
        grow(**sets)
        facts = _facts(sets)
    generations = {one.set_id: one.generation for one in facts}
    changes = [
        MemberChange(member_set_id=set_id, generation=generation, block=block)
        for set_id, generation in generations.items()
        for block in sorted(blocks)
    ]
    if changes:
        insert(*changes)
    for set_id, generation in generations.items():
        if generation % TRIMMED_EACH == 0:
            old = MemberChange.objects.filter(member_set=set_id)
            old.filter(generation__lte=generation - REMEMBERED).delete()
    return {one.host for one in facts if one.in_use}


class _Fact(NamedTuple):
    """A set, and one of the hosts that hold it."""

    set_id: int
    group_id: UUID
    network_id: UUID
    generation: int
    host: str
    in_use: bool


def _facts(sets: Mapping[str, Any]) -> list[_Fact]:
    return [_Fact._make(row) for row in _HOLDERS.rows(**sets)]


def networks_joined_to(network_id: UUID) -> QuerySet[Network, Any]:
    """Return the ids of a network and of those that routers join to it."""
    interfaces = RouterPort.objects.filter(is_gateway=False)
    routers = interfaces.filter(network=network_id).values("router")
    joined = interfaces.filter(router__in=routers).values("network")
    return Network.objects.filter(Q(id=network_id) | Q(id__in=joined)).values("id")


def note_joining(network_ids: Collection[UUID]) -> set[str]:
    """Have all sets on these networks told as a whole, because a router joins or parts them.

    Return the hosts to tell.
    """
    rows = MemberSet.objects.filter(network__in=network_ids)
    list(locked(rows.order_by("id")))
    paired = rows.filter(has_pairs=True).values_list("security_group", flat=True)
    rows.filter(security_group__in=[*paired]).update(has_pairs=True)
    rows.update(generation=F("generation") + REMEMBERED + 1)
    sets = {"networks": network_ids, "groups": {*rows.values_list("security_group", flat=True)}}
    return {one.host for one in _facts(sets) if one.in_use}


def ensure_sets(wanted: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], MemberSet]:
    """Return the sets of these (group, network), made where nobody was ever in."""
    found = find_sets(wanted)
    missing = [key for key in wanted if key not in found]
    if missing:
        _make(missing)
        found = find_sets(wanted)
    return found


def _make(missing: Collection[tuple[UUID, UUID]]) -> None:
    """Add sets of these (group, network), unless another is faster."""
    with_pairs = {*_PAIRED.rows(groups={group for group, _ in missing})}
    rows = (
        MemberSet(security_group_id=group, network_id=network, has_pairs=group in with_pairs)
        for group, network in missing
    )
    insert(*rows, ignore_conflicts=True)


def blocks_of(port: Port, addresses: Iterable[str] | None = None) -> set[str]:
    """Return what a port may send from: its addresses (read, unless they are told), and those of its pairs."""
    if addresses is None:
        addresses = [address.ip_address for address in port.addresses.all()]
    return {*map(own_block, addresses)} | {
        _pair_block(pair["ip_address"]) for pair in port.allowed_address_pairs
    }


def all_of(one: MemberSet) -> tuple[str, ...]:
    """Return the members of a set as they are now."""
    found = {own_block(address) for address in _addresses(one).values_list("ip_address", flat=True)}
    return tuple(sorted(found | _pair_blocks(one)))


def whole(one: MemberSet) -> GroupMembers:
    """Return all of a set; ``one`` was read before, so what it says is at least as new."""
    return GroupMembers(
        network_id=str(one.network_id),
        group_id=str(one.security_group_id),
        generation=one.generation,
        members=all_of(one),
    )


def since(one: MemberSet, generation: int) -> MembersChange | None:
    """Return what changed in a set after a generation; None when that is not known any more."""
    if generation < one.generation - REMEMBERED:
        return None
    blocks = {
        *MemberChange.objects.filter(member_set=one, generation__gt=generation).values_list(
            "block", flat=True
        )
    }
    if len(blocks) > WORTH_TELLING:
        return None
    inside = _among(one, blocks)
    return MembersChange(
        group_id=str(one.security_group_id),
        since=generation,
        generation=one.generation,
        added=tuple(sorted(inside)),
        removed=tuple(sorted(blocks - inside)),
    )


def by_version(members: Iterable[str]) -> Mapping[int, Sequence[str]]:
    """Return members apart by IP version."""
    found: dict[int, list[str]] = {4: [], 6: []}
    for member in members:
        found[6 if ":" in member else 4].append(member)
    return found


def own_block(address: str) -> str:
    """Return a stored address as the block of its own."""
    return f"{address}/{128 if ':' in address else 32}"


def _has_port(host: str) -> Exists:
    """Ask whether the host in that column has a port on the set's network."""
    plugged = Port.objects.plugged()
    return Exists(plugged.filter(host=OuterRef(host), network=OuterRef("network")))


def _sets() -> QuerySet[MemberSet]:
    return MemberSet.objects.filter(
        network__among=Given("networks"), security_group__among=Given("groups")
    )


_JOINED = Prepared(
    lambda: RouterPort.objects.filter(
        is_gateway=False,
        router__router_ports__network=Given("network"),
        router__router_ports__is_gateway=False,
    ).values_list("network", flat=True)
)


_SETS = Prepared(_sets)
_PAIRED = Prepared(
    lambda: MemberSet.objects.filter(
        security_group__among=Given("groups"), has_pairs=True
    ).values_list("security_group", flat=True)
)
_LOCKED = Prepared(lambda: locked(_sets().order_by("id")).values_list("id", flat=True))
_GROW = PreparedUpdate(_sets, generation=F("generation") + 1)
_GROW_WITH_PAIRS = PreparedUpdate(_sets, generation=F("generation") + 1, has_pairs=True)
_HOLDERS = Prepared(
    lambda: _sets().values_list(
        "id", "security_group", "network", "generation", "held__host", _has_port("held__host")
    )
)


def find_sets(wanted: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], MemberSet]:
    """Return those of these (group, network) that anybody ever was in, or named."""
    groups, networks = {group for group, _ in wanted}, {network for _, network in wanted}
    rows = _SETS.rows(groups=groups, networks=networks)
    found = {(row.security_group_id, row.network_id): row for row in rows}
    return {key: row for key, row in found.items() if key in wanted}


def _addresses(one: MemberSet) -> QuerySet[PortAddress]:
    return PortAddress.objects.filter(
        port__network__in=networks_joined_to(one.network_id),
        port__memberships__security_group=one.security_group_id,
    )


def _pair_blocks(one: MemberSet) -> set[str]:
    """Return what the pairs of the members name; few have any, and most sets know of none.

    A member without an address of its own sends from nowhere, and so do its pairs.
    """
    if not one.has_pairs:
        return set()
    rows = Port.objects.filter(
        network__in=networks_joined_to(one.network_id),
        memberships__security_group=one.security_group_id,
        addresses__isnull=False,
    )
    lists = rows.exclude(allowed_address_pairs=[]).values_list("allowed_address_pairs", flat=True)
    return {_pair_block(pair["ip_address"]) for pairs in lists for pair in pairs}


def _among(one: MemberSet, blocks: Collection[str]) -> set[str]:
    """Return those of some blocks that are in the set now."""
    alone = {
        block.partition("/")[0]: block
        for block in blocks
        if block == own_block(block.partition("/")[0])
    }
    rows = _addresses(one).filter(ip_address__in=[*alone])
    found = {alone[address] for address in rows.values_list("ip_address", flat=True)}
    return found | (_pair_blocks(one) & {*blocks})


def _pair_block(text: str) -> str:
    """Return a pair's address as a block: bits behind its length are kept for clients alone."""
    return canonical_block(text) if "/" in text else own_block(text)
