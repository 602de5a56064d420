"""Where the ports of networks that span hosts are, for the hosts that have ports of them.

As with members of groups: what a table holds is in the ports' own rows; the table is a number that grows
with each change, and the ports that changed of late, so that a host is told of those alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from cloudweb.database.prepared import Given, Prepared, PreparedUpdate, insert
from cloudweb.identifiers import as_uuid
from network import states
from network.models import (
    Agent,
    Forwarding,
    ForwardingMove,
    HeldForwarding,
    Network,
    Port,
    PortAddress,
)
from network.models.network import NetworkKind
from network.objects import (
    ForwardingChange,
    ForwardingEntry,
    ForwardingStatus,
    ForwardingTable,
    PortWiring,
)

#: How many generations of a table are remembered; a host that is further behind is told all of it.
REMEMBERED, TRIMMED_EACH = 512, 64
WORTH_TELLING = 1000  # ports, as changes


def note_moves(network_id: UUID, macs: Collection[str]) -> set[str]:
    """Raise a network's table because these ports may be elsewhere, or have other addresses.

    Return the hosts to tell. The table stays locked until the transaction ends.
    """
    if not macs:
        return set()
    if not _GROW(network=network_id):
        ensure_table(network_id)
        _GROW(network=network_id)
    generation = _GENERATION.row(network=network_id) or 1
    insert(
        *(
            ForwardingMove(forwarding_id=network_id, generation=generation, mac_address=mac)
            for mac in sorted(macs)
        )
    )
    if generation % TRIMMED_EACH == 0:
        old = ForwardingMove.objects.filter(forwarding=network_id)
        old.filter(generation__lte=generation - REMEMBERED).delete()
    return {*_HOLDERS.rows(network=network_id)}


def note_host(host: str) -> set[str]:
    """Note that a host's tunnel address is another: all tables with ports there change."""
    spanning = Network.objects.filter(kind=NetworkKind.VXLAN, ports__host=host).distinct()
    hosts: set[str] = set()
    for network_id in sorted(spanning.values_list("id", flat=True)):
        macs = Port.objects.filter(network=network_id, host=host)
        hosts |= note_moves(network_id, [*macs.values_list("mac_address", flat=True)])
    return hosts


def ensure_table(network_id: UUID) -> None:
    """Make the row be there."""
    Forwarding.objects.bulk_create([Forwarding(network_id=network_id)], ignore_conflicts=True)


def to_tell(port: PortWiring, host: str, *, is_first: bool) -> ForwardingTable | None:
    """Return, whole, where a port's network is if its host has not confirmed it; it is noted that it holds it.

    ``is_first``: the host had no port of the network since.
    """
    if not port.network.is_forwarded:
        return None
    network_id = UUID(port.network.id)
    held = HeldForwarding.objects.filter(host=host, forwarding=network_id)
    known = held.values_list("applied_generation", flat=True).first()
    if known is None:
        ensure_table(network_id)
        row = HeldForwarding(host=host, forwarding_id=network_id)
        HeldForwarding.objects.bulk_create([row], ignore_conflicts=True)
    elif known and not is_first:
        return None
    elif known:
        held.update(applied_generation=0)
    return whole(Forwarding.objects.get(network=network_id))


def behind(host: str) -> list[HeldForwarding]:
    """Return the tables in use on a host that has not confirmed their newest generation."""
    return [*HeldForwarding.objects.behind(host).select_related("forwarding")]


def note_places(host: str, statuses: Iterable[ForwardingStatus]) -> bool:
    """Write down which generation of its tables a host has; return whether it must be told more.

    A host may be ahead after the database was restored from a copy: the table goes on above it.
    """
    said = {
        network: status.generation
        for status in statuses
        if (network := as_uuid(status.network_id)) is not None
    }
    if not said:
        return False
    _hold(host, said)
    further = False
    rows = HeldForwarding.objects.filter(host=host, forwarding__in=said)
    for row in rows.select_related("forwarding"):
        generation, one = said[row.forwarding_id], row.forwarding
        if generation > one.generation:
            one.generation = generation + 1
            Forwarding.objects.filter(network=one.network_id).update(generation=one.generation)
            generation = 0
        if generation != row.applied_generation:
            HeldForwarding.objects.filter(id=row.id).update(applied_generation=generation)
            further = further or generation < one.generation
    return further


def differing_places(
    told: Mapping[str, Sequence[ForwardingStatus]],
) -> dict[str, list[ForwardingStatus]]:
    """Return, by host, what hosts say of their tables that is not as it was confirmed; one query for all of them."""
    hosts = [host for host, statuses in told.items() if statuses]
    if not hosts:
        return {}
    rows = HeldForwarding.objects.filter(host__in=hosts)
    columns = rows.values_list("host", "forwarding", "applied_generation")
    known = {(host, str(network)): at for host, network, at in columns}
    found = {
        host: [one for one in told[host] if known.get((host, one.network_id)) != one.generation]
        for host in hosts
    }
    return {host: statuses for host, statuses in found.items() if statuses}


def start_over(leap: int) -> None:
    """Number all tables above whatever hosts were told, and take nothing for confirmed."""
    Forwarding.objects.update(generation=F("generation") + leap)
    HeldForwarding.objects.update(applied_generation=0)


def _hold(host: str, network_ids: Collection[UUID]) -> None:
    """Note that a host has tables which it was not known to have; what never was one is left out."""
    held = HeldForwarding.objects.filter(host=host, forwarding__in=network_ids)
    missing = {*network_ids} - {*held.values_list("forwarding", flat=True)}
    if missing:
        known = Forwarding.objects.filter(network__in=missing).values_list("network", flat=True)
        HeldForwarding.objects.bulk_create(
            (HeldForwarding(host=host, forwarding_id=network) for network in known),
            ignore_conflicts=True,
        )


def spans(network: Network) -> bool:
    """Tell whether hosts must know where a network's ports are to reach them."""
    return network.kind == NetworkKind.VXLAN


def whole(one: Forwarding) -> ForwardingTable:
    """Return all of a table; ``one`` was read before, so what it says is at least as new."""
    return ForwardingTable(
        network_id=str(one.network_id),
        generation=one.generation,
        entries=tuple(_entries(_placed(one.network_id))),
    )


def since(one: Forwarding, generation: int) -> ForwardingChange | None:
    """Return what changed in a table after a generation; None when that is not known any more."""
    if generation < one.generation - REMEMBERED:
        return None
    moves = ForwardingMove.objects.filter(forwarding=one.network_id, generation__gt=generation)
    macs = {*moves.values_list("mac_address", flat=True)}
    if len(macs) > WORTH_TELLING:
        return None
    entries = tuple(_entries(_placed(one.network_id).filter(mac_address__in=macs)))
    return ForwardingChange(
        since=generation,
        generation=one.generation,
        entries=entries,
        gone=tuple(sorted(macs - {entry.mac for entry in entries})),
    )


def _placed(network_id: UUID) -> QuerySet[Port]:
    return Port.objects.filter(network=network_id).exclude(host="")


def _entries(ports: QuerySet[Port]) -> Iterable[ForwardingEntry]:
    """Yield where ports are; one on a host without a tunnel address cannot be reached from others."""
    rows = [*ports.order_by("mac_address")]
    goals = {_goal(port) for port in rows} - {""}
    hosts = Q(host__in=ports.values("host")) | Q(host__in=goals)
    endpoints = dict(Agent.objects.filter(hosts).values_list("host", "tunnel_address"))
    addresses: defaultdict[UUID, list[str]] = defaultdict(list)
    held = PortAddress.objects.filter(port__in=ports.values("id")).order_by("id")
    for port_id, address in held.values_list("port", "ip_address"):
        addresses[port_id].append(address)
    for port in rows:
        endpoint = endpoints.get(port.host, "")
        if endpoint:
            yield ForwardingEntry(
                mac=port.mac_address,
                addresses=tuple(addresses[port.id]),
                endpoint=endpoint,
                roams=_roams(port),
                goes_to=endpoints.get(_goal(port), ""),
            )


def _goal(port: Port) -> str:
    """Return the host that its guest is on its way to; empty where it goes nowhere else."""
    goal = str(port.binding_profile.get(states.GOES_TO) or "")
    return "" if goal == port.host else goal


def _roams(port: Port) -> bool:
    """Tell whether a guest may send from addresses that its port does not have."""
    free = not port.port_security_enabled and port.device_owner not in states.ROUTER_OWNERS
    return free or bool(port.allowed_address_pairs)


def _holders() -> QuerySet[Any, str]:
    here = Port.objects.plugged().filter(
        host=OuterRef("host"), network=OuterRef("forwarding__network")
    )
    rows = HeldForwarding.objects.filter(Exists(here), forwarding=Given("network"))
    return rows.values_list("host", flat=True)


_GROW = PreparedUpdate(
    lambda: Forwarding.objects.filter(network=Given("network")), generation=F("generation") + 1
)
_GENERATION = Prepared(
    lambda: Forwarding.objects.filter(network=Given("network")).values_list("generation", flat=True)
)
_HOLDERS = Prepared(_holders)
