"""Bring a router on its host up to date: at first, and after each change.

Changes that come close together are told once. A host that is down costs nothing; it is told when it is
up again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from network import states
from network.models import Port, Router
from network.operations.refresh_host import start_refresh
from network.places import note_places
from network.routers.objects import RouterConfirmation
from network.routers.resolution import DOMAIN, router_wiring
from network.rpc import ENSURE_ROUTER
from operations import services
from operations.holding import is_held
from operations.saga import Failure, Run, Saga, Step


def order_router(run: Run) -> list[Order]:
    """Order the router as it is now; nothing where it is gone or has no host."""
    wiring = router_wiring(UUID(run.resource_id))
    row = Router.objects.filter(id=run.resource_id).first()
    if wiring is None or row is None:
        return []
    Router.objects.filter(id=row.id).update(ordered_revision=wiring.revision)
    for port in wiring.ports:
        Port.objects.filter(id=port.id).update(ordered_revision=port.revision)
    return [ENSURE_ROUTER.order(host=row.host, resource_id=wiring.id, payload=wiring)]


def record_router(run: Run, answers: list[Any]) -> None:
    """Write down what the host confirmed; tell it again what changed since."""
    for answer in filter(None, answers):
        confirmed = RouterConfirmation.load(answer)
        rows = Router.objects.filter(id=run.resource_id)
        rows.update(applied_revision=confirmed.revision)
        for up, status in ((True, states.ACTIVE), (False, states.DOWN)):
            ids = [port.id for port in confirmed.ports if port.up is up]
            Port.objects.filter(id__in=ids).exclude(host="").update(
                applied_revision=F("ordered_revision"), status=status
            )
        host = rows.values_list("host", flat=True).first()
        tables = [port.forwarding for port in confirmed.ports if port.forwarding is not None]
        if host and note_places(host, tables):
            start_refresh({host})
        behind = Port.objects.filter(router_port__router=UUID(run.resource_id))
        behind = behind.filter(wiring_revision__gt=F("applied_revision"))
        start_refresh({*behind.exclude(host="").values_list("host", flat=True)})
        if rows.filter(wiring_revision__gt=F("applied_revision")).exists():
            start_refreshing_routers([UUID(run.resource_id)])


class RefreshRouter(Saga):
    """Make a router's host have it as it shall be."""

    kind = "network.refresh_router"
    resource_type = "router"
    coalesce = True
    deadline = timedelta(minutes=10)
    steps = (Step("router", order_router, done=record_router),)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Try again later while the host is up; one that is down is told when it comes back.

        Whoever pre-empted it looks at the rows itself.
        """
        if failure is None:
            return
        host = Router.objects.filter(id=run.resource_id).values_list("host", flat=True).first()
        if host and services.is_up(host, DOMAIN):
            refresh(UUID(run.resource_id), after=intervals().undo_retry)


def start_refreshing_routers(router_ids: Collection[UUID]) -> None:
    """Refresh routers whose hosts are up, a moment from now; inside the transaction of the change."""
    rows = Router.objects.filter(id__in=router_ids, host__in=services.hosts_up(DOMAIN))
    for router_id in sorted(rows.values_list("id", flat=True)):
        refresh(router_id, after=intervals().backoff)


def give_up_refreshing(router_id: UUID, *, left: str) -> None:
    """Wait no longer for the host that a router leaves, which may be dead; in the transaction of the change."""
    if is_held(RefreshRouter.resource_type, str(router_id)):
        RefreshRouter.start(
            RequestContext.system(), resource_id=str(router_id), args={"left": left}, preempt=True
        )


def refresh(router_id: UUID, *, after: float) -> None:
    """Look at a router's rows so many seconds from now."""
    with transaction.atomic(savepoint=False):
        RefreshRouter.start(
            RequestContext.system(), resource_id=str(router_id), delay=timedelta(seconds=after)
        )
