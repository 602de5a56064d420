"""Plug a subport where the port is that carries it, as the rows are when the order is built."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.events import on
from cloudweb.rpc import Order
from network import states
from network.models import Port, Subport
from network.objects import PortStatus
from network.plugging import note_plugged
from network.rpc import PLUG
from network.telling import wiring_to_plug
from network.trunks.status import settle
from operations import services
from operations.events import HostUp
from operations.saga import Failure, Run, Saga, Step

DOMAIN = "network"


def waiting() -> QuerySet[Port]:
    """Return the subports that are not on the host where the port is that carries them."""
    rows = Port.objects.filter(trunk_role=states.SUBPORT, applied_revision=0).exclude(host="")
    return rows.filter(
        subport__trunk__port__host=F("host"), subport__trunk__port__applied_revision__gt=0
    )


def order_plug(run: Run) -> list[Order]:
    """Order the port onto its host; nothing for one that is there, or shall be nowhere."""
    port = waiting().filter(id=run.resource_id).first()
    told = wiring_to_plug(port.id) if port is not None else None
    if port is None or told is None:
        return []
    return [PLUG.order(host=port.host, resource_id=told.id, payload=told)]


def record_plugged(run: Run, answers: list[Any]) -> None:
    """Write down what the host made of it, unless the port was sent elsewhere meanwhile."""
    for answer in filter(None, answers):
        status = PortStatus.load(answer)
        if Port.objects.filter(id=status.id, ordered_revision__gt=0).exists():
            note_plugged(UUID(status.id), groups=status.groups, forwarding=status.forwarding)
    _settle(run.resource_id)


class PlugSubport(Saga):
    """Make a subport be on its host."""

    kind = "network.plug_subport"
    resource_type = "port"
    coalesce = True
    deadline = timedelta(minutes=10)
    steps = (Step("plug", order_plug, done=record_plugged),)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Show it, and try again later while the host is up; one that is down is told when it comes back."""
        port = waiting().filter(id=run.resource_id).first()
        if port is None:
            return
        Port.objects.filter(id=port.id).update(status=states.ERROR)
        _settle(run.resource_id)
        if services.is_up(port.host, DOMAIN):
            _start(port.id, after=intervals().undo_retry)


def start_plugging(port_id: UUID) -> None:
    """Start in the transaction that says where the port shall be."""
    _start(port_id, after=0)


@on(HostUp)
def catch_up(up: HostUp) -> None:
    """Plug what could not be while the host was down."""
    if up.domain == DOMAIN:
        for port_id in waiting().filter(host=up.host).values_list("id", flat=True):
            _start(port_id, after=0)


def _settle(port_id: str) -> None:
    for trunk_id in Subport.objects.filter(port=UUID(port_id)).values_list("trunk", flat=True):
        settle(trunk_id)


def _start(port_id: UUID, *, after: float) -> None:
    with transaction.atomic(savepoint=False):
        PlugSubport.start(
            RequestContext.system(), resource_id=str(port_id), delay=timedelta(seconds=after)
        )
