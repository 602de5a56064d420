"""What the picture of a project's network shows: read from the managers, in a number of queries that never grows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.listing import Listing, SortKey
from dashboard.components.networks import floating_badge, network_badge, router_badge
from dashboard.components.picture import Thing, Topology
from dashboard.components.status import Badge, server_badge
from instances.manager import InstanceManager, ports_of
from network.manager import FloatingIpManager, NetworkManager, RouterManager

if TYPE_CHECKING:
    from instances.models import Instance
    from network.models import FloatingIp, Network, Router
    from network.rows import PortCard

#: So many of each kind are looked at.
READ = 500


@dataclass(frozen=True, slots=True)
class Line:
    """A thing in the table that says the same: ``joins`` by name."""

    thing: Thing
    kind: str
    badge: Badge
    addresses: Sequence[str]
    joins: Sequence[str]


def read(context: RequestContext) -> tuple[Topology, Sequence[Line]]:
    """Return what there is, as things of a picture and as lines of a table."""
    networks = NetworkManager(context).list(Listing(where=_own_view(context), limit=READ)).rows
    own = Listing(where=Q(project_id=context.project_id), limit=READ)
    routers = RouterManager(context).list(own).rows
    floating = FloatingIpManager(context).list(own).rows
    sort = (SortKey("display_name", descending=False),)
    servers = InstanceManager(context).list(limit=READ, sort=sort).rows
    cards = ports_of(context, servers)
    used = {card.network_id for ports in cards.values() for card in ports}
    joined = {str(one.network_id) for router in routers for one in router.router_ports.all()}
    taken = {str(one.floating_network_id) for one in floating}
    shown = [
        one
        for one in networks
        if one.project_id == context.project_id or str(one.id) in used | joined | taken
    ]
    lines = [_outside(one, floating) for one in shown if one.is_reachable]
    lines += [_router(one) for one in routers]
    lines += [
        _network(one, routers) for one in shown if not one.is_reachable or str(one.id) in used
    ]
    lines += [_server(one, cards[str(one.id)]) for one in servers]
    return _topology(lines), _named(lines)


def _own_view(context: RequestContext) -> Q:
    """Keep what the project sees; an operator sees all there is."""
    if not context.is_admin:
        return Q()
    return Q(project_id=context.project_id) | Q(shared=True) | Q(external=True)


def _topology(lines: Iterable[Line]) -> Topology:
    kinds: dict[str, list[Thing]] = {}
    for line in lines:
        kinds.setdefault(line.thing.kind, []).append(line.thing)
    return Topology(*(kinds.get(kind, ()) for kind in ("outside", "router", "network", "server")))


def _named(lines: Sequence[Line]) -> Sequence[Line]:
    """Return the lines with the names of what they join."""
    names = {line.thing.key: line.thing.name for line in lines}
    return [
        Line(
            line.thing, line.kind, line.badge, line.addresses,
            [*dict.fromkeys(names[key] for key in line.thing.joins if key in names)],
        )
        for line in lines
    ]  # fmt: skip


def _outside(network: Network, floating: Sequence[FloatingIp]) -> Line:
    own = [one for one in floating if one.floating_network_id == network.id]
    free = [one.floating_ip_address for one in own if floating_badge(one).tone == "neutral"]
    blocks = [subnet.cidr for subnet in network.subnets.all()]
    says = f"{len(free)} free floating IP{'s' * (len(free) != 1)}" if free else "leads outside"
    return _line(
        "outside", "External network", network, network_badge(network), says,
        url=reverse("floating_ips") if network.external else _page_of("network", network),
        addresses=[*blocks, *free],
    )  # fmt: skip


def _router(router: Router) -> Line:
    ports = router.router_ports.all()
    outside = [f"outside-{one.network_id}" for one in ports if one.is_gateway]
    addresses = [row.ip_address for one in ports for row in one.port.addresses.all()]
    gateway = router.gateway
    says = next((row.ip_address for row in gateway.port.addresses.all()), "") if gateway else ""
    return _line(
        "router", "Router", router, router_badge(router), says or "joins networks",
        url=_page_of("router", router), addresses=addresses, joins=outside,
    )  # fmt: skip


def _network(network: Network, routers: Sequence[Router]) -> Line:
    key = network.id
    joins = [
        f"router-{router.id}"
        for router in routers
        if any(one.network_id == key and not one.is_gateway for one in router.router_ports.all())
    ]
    if network.is_reachable:
        joins.append(f"outside-{key}")
    blocks = [subnet.cidr for subnet in network.subnets.all()]
    return _line(
        "network", "Network", network, network_badge(network), ", ".join(blocks),
        url=_page_of("network", network), addresses=blocks, joins=joins,
    )  # fmt: skip


def _server(server: Instance, cards: Sequence[PortCard]) -> Line:
    fixed = [one.ip_address for card in cards for one in card.addresses]
    led = [one.floating_ip_address for card in cards for one in card.floating]
    badge = server_badge(server)
    more = len({card.network_id for card in cards}) - 1
    says = led[0] if led else next(iter(fixed), badge.text)
    if more > 0:
        says += f" +{more} network{'s' * (more > 1)}"
    key = str(server.id)
    told = (
        f"Server {server.name}, {badge.text.lower()}, {', '.join([*fixed, *led]) or 'no address'}"
    )
    joins = tuple(dict.fromkeys(f"network-{card.network_id}" for card in cards))
    thing = Thing(
        f"server-{key}", "server", server.name, reverse("server", args=[key]), says, told,
        badge.tone, joins, lit=bool(led),
    )  # fmt: skip
    return Line(thing, "Server", badge, [*fixed, *led], ())


def _line(
    kind: str,
    noun: str,
    row: Network | Router,
    badge: Badge,
    says: str,
    *,
    url: str,
    addresses: Sequence[str],
    joins: Sequence[str] = (),
) -> Line:
    name = row.name or str(row.id)
    told = f"{noun} {name}, {badge.text.lower()}, {', '.join(addresses) or 'no address'}"
    thing = Thing(f"{kind}-{row.id}", kind, name, url, says, told, badge.tone, tuple(joins))
    return Line(thing, noun, badge, addresses, ())


def _page_of(route: str, row: Network | Router) -> str:
    return reverse(route, args=[row.id])
