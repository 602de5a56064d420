"""What a host is told about a router: its rows become a RouterWiring, with everything resolved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID

from django.db.models import Count, QuerySet

from cloudweb.rpc import Method
from network import qos, rpc
from network.models import FloatingIp, Port, Router
from network.network_hosts import OF_ONE_HOST, hosts_on, hosts_without_routers
from network.objects import HostRoute, PortRef, PortWiring
from network.places import to_tell
from network.resolution import port_ref, port_wirings
from network.routers.objects import FloatingWiring, ForwardingWiring, RouterRef, RouterWiring
from network.routers.scopes import untranslated
from operations import services

DOMAIN = "network"


def router_wiring(router_id: UUID) -> RouterWiring | None:
    """Return a router as its host shall make it; None when it is on none."""
    router = Router.objects.complete().filter(id=router_id).exclude(host="").first()
    return described(router) if router is not None else None


def described(router: Router) -> RouterWiring:
    """Return a router as it shall be, on whichever host; it was read complete."""
    parts = [*router.router_ports.all()]
    wirings = {
        UUID(one.id): _with_places(one, router.host)
        for one in port_wirings([part.port_id for part in parts])
    }
    gateway = router.gateway
    outside = wirings.get(gateway.port_id) if gateway is not None else None
    floating = [*FloatingIp.objects.filter(router=router).order_by("created_at", "id")]
    return RouterWiring(
        id=str(router.id),
        project_id=router.project_id,
        revision=router.wiring_revision,
        admin_up=router.admin_state_up,
        interfaces=tuple(
            wirings[part.port_id]
            for part in parts
            if part is not gateway and part.port_id in wirings
        ),
        gateway=outside,
        next_hops=tuple(_next_hops(outside)) if outside is not None else (),
        snat=router.enable_snat,
        routes=tuple(HostRoute(**route) for route in router.routes),
        floating=tuple(
            FloatingWiring(floating_ip=one.floating_ip_address, fixed_ip=one.fixed_ip_address)
            for one in floating
            if one.fixed_port_id is not None
        ),
        forwardings=tuple(_forwardings(floating)),
        untranslated=tuple(untranslated([router.id]).get(router.id, ())),
        limits=qos.address_limits(
            router, floating, [one.ip_address for one in outside.addresses] if outside else ()
        ),
    )


def _with_places(port: PortWiring, host: str) -> PortWiring:
    """Tell along where the ports of a network are that spans hosts, if this one does not know."""
    if not port.network.is_forwarded:
        return port
    others = (
        Port.objects.plugged().filter(host=host, network=UUID(port.network.id)).exclude(id=port.id)
    )
    table = to_tell(port, host, is_first=not others.exists())
    return port.model_copy(update={"forwarding": table})


def router_ref(router: Router) -> RouterRef:
    """Return what an order needs that takes the router away."""
    return RouterRef(id=str(router.id), revision=router.wiring_revision, ports=tuple(_refs(router)))


def able_hosts(router: Router) -> set[str]:
    """Return the hosts that could have a router: up, taking routers, and serving all its networks."""
    able = {host for host in services.hosts_up(DOMAIN) if _can_route(host)}
    able -= {*hosts_without_routers()}
    serving = hosts_on(part.network_id for part in router.router_ports.all())
    return able if serving is None else able & serving


def choose_host(router: Router, *, but: str = "") -> str:
    """Return the host for a router: where most ports are of its networks that are a wire on each host.

    Else the one with fewest routers; empty where no host that can is up, serves all its networks and
    takes routers. ``but`` is left out.
    """
    parts, able = [*router.router_ports.all()], able_hosts(router) - {but}
    networks = [part.network_id for part in parts if not part.is_gateway]
    there = Port.objects.filter(
        network__in=networks, network__kind__in=OF_ONE_HOST, host__in=able
    ).exclude(router_port__router=router)
    ports = _counted(there)
    routers = _counted(Router.objects.filter(host__in=able))
    best = sorted(able, key=lambda host: (-ports.get(host, 0), routers.get(host, 0), host))
    return best[0] if best else ""


def _can_route(host: str) -> bool:
    """Tell whether a host takes routers; one that never said what it speaks is of today."""
    speaks = services.peer(host, DOMAIN).speaks
    return not speaks or cast("Method[Any]", rpc.ENSURE_ROUTER).name in speaks


def _counted(rows: QuerySet[Any]) -> dict[str, int]:
    return dict(rows.order_by().values_list("host").annotate(number=Count("id")))


def _next_hops(gateway: PortWiring) -> Iterator[str]:
    """Yield the gateways of the subnets outside that the router has addresses of."""
    mine = {address.subnet_id for address in gateway.addresses}
    for subnet in gateway.network.subnets:
        if subnet.id in mine and subnet.gateway_ip is not None:
            yield subnet.gateway_ip


def _forwardings(floating: Sequence[FloatingIp]) -> Iterator[ForwardingWiring]:
    by_id = {one.id: one for one in floating}
    rows = [
        forwarding
        for one in FloatingIp.objects.filter(id__in=by_id).prefetch_related("port_forwardings")
        for forwarding in one.port_forwardings.all()
    ]
    for row in sorted(rows, key=lambda row: (row.created_at, row.id)):
        yield ForwardingWiring(
            floating_ip=by_id[row.floating_ip_id].floating_ip_address,
            protocol=cast("Any", row.protocol),
            first=row.external_first,
            last=row.external_last,
            fixed_ip=row.internal_ip_address,
            fixed_first=row.internal_first,
            fixed_last=row.internal_last,
        )


def _refs(router: Router) -> Iterator[PortRef]:
    for part in router.router_ports.select_related("port"):
        yield port_ref(part.port)
