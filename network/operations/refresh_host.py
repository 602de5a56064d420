"""Tell a host again about the ports on it that changed: rules, members, subnets, the ports themselves.

Changes that come close together are told once: the operation waits a moment before it looks, and a
further change joins the one that has not looked yet. A host that is down costs nothing; it is told
when it is up again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.db import transaction

from cloudweb.conf import intervals
from cloudweb.context import RequestContext
from cloudweb.events import on
from cloudweb.rpc import Order
from network.objects import NetworkConfirmation
from network.rpc import REFRESH
from network.telling import confirm, is_behind, pictures_for, start_over
from operations import services
from operations.events import DatabaseRestored, HostUp
from operations.saga import Failure, Run, Saga, Step
from operations.starting import about_to_look, bring_forward

DOMAIN = "network"


def order_refresh(run: Run) -> list[Order]:
    """Order, a network at a time, what of its ports and sets the host has not confirmed."""
    host = run.resource_id
    return [
        REFRESH.order(host=host, resource_id=picture.id, payload=picture)
        for picture in pictures_for(host)
    ]


def record_applied(run: Run, answers: list[Any]) -> None:
    """Write down what the host confirmed; tell it again where it is not as far as was thought."""
    confirmed = [NetworkConfirmation.load(answer) for answer in filter(None, answers)]
    if confirm(run.resource_id, confirmed):
        _start(run.resource_id, after=intervals().backoff)


class RefreshHost(Saga):
    """Bring the ports of one host up to date."""

    kind = "network.refresh_host"
    resource_type = "network_host"
    coalesce = True
    deadline = timedelta(minutes=10)
    steps = (Step("refresh", order_refresh, done=record_applied),)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Try again later while the host is up; one that is down is told when it comes back."""
        if services.is_up(run.resource_id, DOMAIN):
            _start(run.resource_id, after=intervals().undo_retry)


def start_refresh(hosts: Collection[str], *, at_once: bool = False) -> None:
    """Refresh those of the hosts that are up, a moment from now unless ``at_once``.

    Of many hosts most are about to look already when changes come close together.
    """
    wait, wanted = intervals().backoff, set(hosts) & set(services.hosts_up(DOMAIN))
    with transaction.atomic(savepoint=False):
        if at_once:
            for host in sorted(wanted):
                bring_forward(RefreshHost.start(RequestContext.system(), resource_id=host))
            return
        if len(wanted) > 1:
            wanted -= about_to_look(RefreshHost, wanted, within=timedelta(seconds=wait))
        for host in sorted(wanted):
            _start(host, after=wait)


@on(HostUp)
def catch_up(up: HostUp) -> None:
    """Tell a host what it missed while it was down."""
    if up.domain == DOMAIN and is_behind(up.host):
        _start(up.host, after=0)


@on(DatabaseRestored)
def tell_all_anew(_: DatabaseRestored) -> None:
    """Tell every host all it shall have; one that is away when it is back."""
    for host in start_over():
        _start(host, after=0)


def _start(host: str, *, after: float) -> None:
    with transaction.atomic(savepoint=False):
        RefreshHost.start(RequestContext.system(), resource_id=host, delay=timedelta(seconds=after))
