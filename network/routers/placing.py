"""Which host a router is on: chosen when it gets its first port, given up with its last."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Count

from network import conf, states
from network.backend import is_ovn
from network.models import Port, Router, RouterPort
from network.moved import ports_moved
from network.network_hosts import OF_ONE_HOST, hosts_on, hosts_without_routers
from network.operations.refresh_router import give_up_refreshing
from network.operations.remove_router import start_removing
from network.routers.resolution import DOMAIN, choose_host, router_ref
from operations import services


def place(router: Router) -> None:
    """Give a router with ports a host, unless it has one that will do or none is up; its ports go along.

    Call it inside the transaction of the change; the router's row is locked. Under OVN a router is on none.
    """
    if is_ovn():
        return
    router = Router.objects.complete().get(id=router.id)
    if not router.router_ports.all():
        return
    host = router.host
    if not host or not _will_do(router):
        host = choose_host(router) or host
    if host != router.host:
        leave(router)
        Router.objects.filter(id=router.id).update(
            host=host, ordered_revision=0, applied_revision=0
        )
    ports = Port.objects.filter(router_port__router=router).exclude(host=host)
    moved = [*ports.select_related("network")]
    ports.update(host=host, ordered_revision=0, applied_revision=0, status=states.DOWN)
    ports_moved(*moved)


def _will_do(router: Router) -> bool:
    """Tell whether its host serves all networks that it joins now."""
    serving = hosts_on(part.network_id for part in router.router_ports.all())
    return serving is None or router.host in serving


def leave(router: Router) -> None:
    """Take a router from its host."""
    if router.host:
        start_removing(router_ref(router), host=router.host)
        Router.objects.filter(id=router.id).update(host="", ordered_revision=0, applied_revision=0)
        give_up_refreshing(router.id, left=router.host)


def misplaced() -> dict[UUID, str]:
    """Return the routers that have none of their networks' servers on their host, and where most of these are.

    A network that is one wire on each host has its servers where its router is, or it does not serve them.
    """
    interfaces = RouterPort.objects.filter(is_gateway=False, network__kind__in=OF_ONE_HOST)
    interfaces = interfaces.exclude(router__host="")
    bound = interfaces.filter(
        network__ports__device_owner__startswith="compute:", network__ports__host__gt=""
    )
    counted = bound.values_list("router", "router__host", "network__ports__host")
    found: dict[UUID, dict[str, int]] = {}
    own: dict[UUID, str] = {}
    for router_id, host, there, number in counted.annotate(
        number=Count("network__ports")
    ).order_by():
        own[router_id] = host
        counts = found.setdefault(router_id, {})
        counts[there] = counts.get(there, 0) + number
    return {
        router_id: max(sorted(counts), key=lambda host: counts[host])
        for router_id, counts in found.items()
        if own[router_id] not in counts
    }


def stranded() -> list[UUID]:
    """Return the routers on hosts that are dead, or take none any more, which another host could have.

    One with an interface on a network that is a wire on each host is of use to its host's servers alone.
    """
    rows = Router.objects.exclude(host="")
    used = {*rows.order_by().values_list("host", flat=True).distinct()}
    if not used:
        return []
    patience = timedelta(seconds=conf.ROUTER_FAILOVER)
    fine = {*services.hosts_heard(DOMAIN, within=patience)} - {*hosts_without_routers()}
    tied = RouterPort.objects.filter(is_gateway=False, network__kind__in=OF_ONE_HOST)
    rows = rows.filter(host__in=used - fine).exclude(id__in=tied.values("router"))
    return [*rows.order_by("created_at", "id").values_list("id", flat=True)]


def move(router: Router, host: str) -> None:
    """Take a router to another host; inside a transaction that holds its row."""
    leave(router)
    Router.objects.filter(id=router.id).update(host=host)
    place(router)


def waiting() -> list[UUID]:
    """Return the routers that have ports and no host."""
    rows = Router.objects.filter(host="", router_ports__isnull=False).distinct()
    return [*rows.order_by("created_at", "id").values_list("id", flat=True)]


def place_waiting() -> None:
    """Give those a host that have waited for one."""
    for router in Router.objects.filter(id__in=waiting()):
        place(router)
