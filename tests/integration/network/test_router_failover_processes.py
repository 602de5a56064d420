"""A host's processes die for real: its routers are elsewhere, and when it comes back it knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connections

from cloudweb.context import RequestContext
from network import conf
from network.drivers.fake import FakeNetworkDriver
from network.models import Agent, Router
from operations.joining import add_host
from operations.models import Operation, PeriodicTask, Service
from operations.testing import Processes, check_invariants, unpaid_debts
from tests.builders.networks import make_context, make_network, make_subnet
from tests.builders.routers import make_external, make_router

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]
SYSTEM = RequestContext.system()


@pytest.fixture
def processes(
    tmp_path: Path, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Processes]:
    monkeypatch.setenv("DRIVERS", "fake")
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "0.1")
    monkeypatch.setattr(conf, "ROUTER_FAILOVER", 0.0)
    with Processes(tmp_path, f"redis+socket://{redis_socket}") as made:
        yield made
    connections.close_all()


def wait(ready: Callable[[], bool], seconds: float = 120) -> float:
    """Wait for a fact; return how long it took."""
    start = time.monotonic()
    while not ready():
        assert time.monotonic() - start < seconds, _state()
        time.sleep(0.02)
    return time.monotonic() - start


def _state() -> str:
    """Say where everything is, for a test that waited in vain."""
    routers = Router.objects.values_list(
        "host", "wiring_revision", "ordered_revision", "applied_revision"
    )
    seen = Service.objects.values_list("topic", "last_seen_at", "forced_down")
    open_ones = Operation.objects.exclude(state__in=("DONE", "UNDONE")).values_list("kind", "state")
    tasks = PeriodicTask.objects.values_list("name", "started_at", "ended_at", "error")
    return "\n".join(str(row) for rows in (routers, seen, open_ones, tasks) for row in rows)


def routers_of(directory: Path, host: str) -> list[str]:
    """Return what a host has, by the files of its fake kernel, some of which may go while they are read."""
    while True:
        driver = FakeNetworkDriver(directory / host / "network", host)
        with suppress(FileNotFoundError):
            driver.start()
            return [*driver.routers()]


def test_a_router_goes_on_elsewhere_when_its_host_is_killed(
    processes: Processes, tmp_path: Path
) -> None:
    for host in ("h1", "h2"):
        add_host(host, tmp_path / host)
    processes.start_control()
    processes.start_beat()
    for host in ("h1", "h2"):
        processes.start_host(host)
    wait(lambda: Agent.objects.exclude(tunnel_address="").count() == 2)
    context = make_context()
    network = make_network(SYSTEM, kind="vxlan", segmentation_id=7, project_id=context.project_id)
    router = make_router(context, subnets=[make_subnet(network, context)], external=make_external())

    def settled(*hosts: str) -> bool:
        row = Router.objects.get(id=router.id)
        return row.host in hosts and row.applied_revision == row.wiring_revision

    wait(lambda: settled("h1", "h2"))
    old = Router.objects.get(id=router.id).host
    (new,) = {"h1", "h2"} - {old}
    processes.kill(old)
    took = wait(lambda: settled(new))
    print(f"router on another host {took:.1f} s after its host was killed (clocks at a tenth)")
    assert routers_of(tmp_path, new) == [str(router.id)]

    (tmp_path / old / "network" / "networks").rename(tmp_path / "kernel before the reboot")
    processes.start_host(old)
    wait(lambda: unpaid_debts() == 0)
    wait(lambda: routers_of(tmp_path, old) == [])
    wait(lambda: not [*(tmp_path / old / "network" / "router_wirings").glob("*.json")])
    assert routers_of(tmp_path, new) == [str(router.id)]
    check_invariants()
