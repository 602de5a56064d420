"""Which host a router is on: chosen when it gets its first port, given up with its last."""

from __future__ import annotations

from network import states
from network.models import Port, Router
from network.operations.remove_router import start_removing
from network.routing import choose_host, router_ref


def place(router: Router) -> None:
    """Give a router with ports a host, unless it has one or none is up; its ports go along.

    Call it inside the transaction of the change; the router's row is locked.
    """
    router = Router.objects.complete().get(id=router.id)
    if not router.router_ports.all():
        return
    host = router.host or choose_host(router)
    if host != router.host:
        Router.objects.filter(id=router.id).update(
            host=host, ordered_revision=0, applied_revision=0
        )
    Port.objects.filter(router_port__router=router).exclude(host=host).update(
        host=host, ordered_revision=0, applied_revision=0, status=states.DOWN
    )


def leave(router: Router) -> None:
    """Take a router from its host."""
    if router.host:
        start_removing(router_ref(router), host=router.host)
        Router.objects.filter(id=router.id).update(host="", ordered_revision=0, applied_revision=0)


def place_waiting() -> None:
    """Give those a host that have waited for one."""
    for router in Router.objects.filter(host="", router_ports__isnull=False).distinct():
        place(router)
