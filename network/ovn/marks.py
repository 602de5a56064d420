"""What changed in our tables since the last look, by the numbers that every change raises.

Nobody has to tell the writer, so nobody can forget to: it looks, cheaply, whether anything changed, and
only then what. A change it misses all the same is made good by the next comparison of everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Sum

from network.models import (
    AddressGroup,
    FloatingIp,
    Network,
    Port,
    PortForwarding,
    PortSecurityGroup,
    Router,
    RouterPort,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)
from network.ovn.rows import network_key, router_key

#: A row, by what it is and its id, with whose it is and how far it is.
Marked = Mapping[tuple[str, UUID | int], tuple[tuple[str, Any], tuple[object, ...]]]
_WIRED: Sequence[type[Any]] = (Network, Port, Router)
_OTHERS: Sequence[type[Any]] = (
    Subnet,
    SecurityGroup,
    SecurityGroupRule,
    AddressGroup,
    FloatingIp,
    PortForwarding,
)
_PARTS: Sequence[type[Any]] = (RouterPort, PortSecurityGroup)


class Marks:
    """How far everything was at the last look."""

    def __init__(self) -> None:
        self._print: tuple[object, ...] = ()
        self._known: Marked = {}

    def look(self) -> set[str]:
        """Return the owners of which something changed since the last look; all of them at the first."""
        fresh = _fingerprint()
        if fresh == self._print:
            return set()
        known = self._known
        self._known, self._print = dict(_read()), fresh
        changed = [
            place[0]
            for which in known.keys() | self._known.keys()
            if known.get(which) != self._known.get(which)
            for place in (known.get(which), self._known.get(which))
            if place is not None
        ]
        return _owners(changed)

    def forget(self) -> None:
        """Take everything for changed at the next look."""
        self._print, self._known = (), {}


def all_owners() -> set[str]:
    """Return all networks and routers."""
    networks = Network.objects.values_list("id", flat=True)
    routers = Router.objects.values_list("id", flat=True)
    return {*map(network_key, networks), *map(router_key, routers)}


def _fingerprint() -> tuple[object, ...]:
    return (
        *(_sums(noun, wiring=Sum("wiring_revision")) for noun in _WIRED),
        *(_sums(noun) for noun in _OTHERS),
        *(tuple(part.objects.aggregate(Count("id"), Max("id")).values()) for part in _PARTS),
    )


def _sums(noun: type[Any], **more: Any) -> tuple[object, ...]:
    row = noun.objects.aggregate(
        rows=Count("id"), revisions=Sum("revision"), at=Max("updated_at"), **more
    )
    return tuple(row.values())


def _read() -> Iterator[tuple[Any, Any]]:
    """Give each row's kind and id, with whose it is and how far."""
    networks: Sequence[tuple[str, Iterable[Any]]] = (
        ("subnet", Subnet.objects.values_list("id", "network", "revision")),
        (
            "port",
            Port.objects.values_list("id", "network", "revision", "wiring_revision", "host"),
        ),
        (
            "membership",
            PortSecurityGroup.objects.values_list("id", "port__network", "security_group"),
        ),
        ("network", Network.objects.values_list("id", "id", "revision", "wiring_revision")),
    )
    groups: Sequence[tuple[str, Iterable[Any]]] = (
        ("group", SecurityGroup.objects.values_list("id", "id", "revision")),
        ("rule", SecurityGroupRule.objects.values_list("id", "security_group", "revision")),
    )
    lists: Sequence[tuple[str, Iterable[Any]]] = (
        ("addresses", AddressGroup.objects.values_list("id", "id", "revision")),
    )
    routers: Sequence[tuple[str, Iterable[Any]]] = (
        ("router", Router.objects.values_list("id", "id", "revision", "wiring_revision")),
        ("floating", FloatingIp.objects.values_list("id", "router", "revision")),
        ("forwarding", PortForwarding.objects.values_list("id", "floating_ip__router", "revision")),
    )
    for owner, kinds in (
        ("network", networks),
        ("group", groups),
        ("addresses", lists),
        ("router", routers),
    ):
        for kind, rows in kinds:
            for id_, owned_by, *far in rows:
                yield (kind, id_), ((owner, owned_by), tuple(far))
    for id_, *ends in RouterPort.objects.values_list("id", "router", "network"):
        yield ("leg", id_), (("leg", tuple(ends)), ())


def _owners(changed: Iterable[tuple[str, Any]]) -> set[str]:
    """Return who has to be compared: members of groups are the same on networks that a router joins."""
    by_kind: defaultdict[str, set[Any]] = defaultdict(set)
    for kind, id_ in changed:
        by_kind[kind].add(id_)
    networks = by_kind["network"] | {network for _, network in by_kind["leg"]}
    routers = (by_kind["router"] - {None}) | {router for router, _ in by_kind["leg"]}
    routers |= _routers_on(networks)
    naming = SecurityGroupRule.objects.filter(remote_address_group__in=by_kind["addresses"])
    groups = by_kind["group"] | {*naming.values_list("security_group", flat=True)}
    networks |= _using(groups)
    networks |= _joined(networks)
    return {*map(network_key, networks), *map(router_key, routers)}


def _routers_on(networks: Collection[UUID]) -> set[UUID]:
    """Return the routers with a leg on a network: they advertise its subnets, and translate for them."""
    rows = (
        RouterPort.objects.filter(network__in=networks) if networks else RouterPort.objects.none()
    )
    return {*rows.values_list("router", flat=True)}


def _joined(networks: Collection[UUID]) -> set[UUID]:
    if not networks:
        return set()
    inside = RouterPort.objects.filter(is_gateway=False)
    routers = inside.filter(network__in=networks).values("router")
    return {*inside.filter(router__in=routers).values_list("network", flat=True)}


def _using(groups: Collection[UUID]) -> set[UUID]:
    if not groups:
        return set()
    rows = PortSecurityGroup.objects.filter(security_group__in=groups)
    return {*rows.values_list("port__network", flat=True)}
