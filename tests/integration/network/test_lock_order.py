"""Whoever changes several things at once waits for nobody who waits for him."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from network import news
from network.manager import PortManager, RouterManager, SecurityGroupManager, port
from network.models import Port, Router
from tests.builders.networks import make_context, make_network, make_port, make_subnet
from tests.builders.routers import make_router
from tests.builders.threads import at_once

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
#: Seconds that one waits for the other to come as far; where it cannot, it waits for a lock.
MEETING = 0.5


def meeting(call: Callable[..., Any], *, at: int = 1) -> Callable[..., Any]:
    """Return the call, before which two callers wait for each other, each at its first time or another."""
    barrier, met = threading.Barrier(2), threading.local()

    def meet(*args: Any, **kwargs: Any) -> Any:
        met.times = getattr(met, "times", 0) + 1
        if met.times == at:
            with suppress(threading.BrokenBarrierError):
                barrier.wait(MEETING)
        return call(*args, **kwargs)

    return meet


def test_two_routers_that_join_the_same_networks_go_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = make_context()
    subnets = [make_subnet(make_network(context), cidr=f"10.{n}.0.0/24") for n in (1, 2)]
    one = make_router(context, subnets=subnets)
    manager = RouterManager(context)
    other = make_router(context)
    for subnet in reversed(subnets):
        manager.add_interface(other.id, port_id=make_port(subnet.network, context).id)
    monkeypatch.setattr(news, "networks_joined", meeting(news.networks_joined))
    results = at_once(
        [lambda router=router: manager.delete_with_interfaces(router.id) for router in (one, other)]
    )
    assert results == [None, None]
    assert not Router.objects.exists()
    assert not Port.objects.filter(device_owner="network:router_interface").exists()


def test_operators_make_ports_for_the_same_projects_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = make_context("admin")
    networks = [make_subnet(make_network(operator), cidr=f"10.{n}.0.0/24").network for n in (1, 2)]
    projects = [uuid.uuid4().hex for _ in range(2)]
    items = [
        {"network_id": network.id, "project_id": project}
        for network, project in zip(networks, projects, strict=True)
    ]
    monkeypatch.setattr(port, "insert_port", meeting(port.insert_port))
    manager = PortManager(operator)
    results = at_once(
        [lambda said=said: manager.create_many(said) for said in (items, items[::-1])]
    )
    made = [[(one.network_id, one.project_id) for one in result] for result in results]
    said = [(item["network_id"], item["project_id"]) for item in items]
    assert made == [said, said[::-1]]  # in the order in which they were asked for


def test_projects_make_ports_on_the_same_networks_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = make_context("admin")
    networks = [
        make_subnet(make_network(operator, shared=True), operator, cidr=f"10.{n}.0.0/24").network
        for n in (1, 2)
    ]
    items = [{"network_id": network.id} for network in networks]
    contexts = [make_context() for _ in range(2)]
    for context in contexts:  # whose default groups are there: nobody waits for the other's
        SecurityGroupManager(context).ensure_default(context.scoped_project_id)
    monkeypatch.setattr(port, "insert_port", meeting(port.insert_port, at=2))
    results = at_once(
        [
            lambda context=context, said=said: PortManager(context).create_many(said)
            for context, said in zip(contexts, (items, items[::-1]), strict=True)
        ]
    )
    assert [len(result) for result in results] == [2, 2]
