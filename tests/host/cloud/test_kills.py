"""Real drivers and workers that die by SIGKILL, once in each phase of a create and of a delete."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from compute.bootstrap import ensure_default_flavors
from compute.models import Claim, Flavor, Host
from instances.manager import InstanceManager
from instances.models import Instance
from network.models import Port
from operations.joining import add_host
from operations.models import Hold, Operation
from operations.testing import KillAt, Processes, check_invariants, unpaid_debts
from tests.builders import libvirt_knowledge
from tests.builders.identity import make_context, make_member, make_project
from tests.builders.images import RAW
from tests.builders.images import make_image as upload
from tests.builders.networks import make_network, make_subnet
from tests.builders.servers import wanted_server
from tests.host.cloud.census import leftovers
from tests.host.cloud.conftest import own_names, remove
from tests.infrastructure import PATIENCE, scratch

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
POINTS = (
    ("h1", "record.after"),
    ("h1", "effect.after"),
    ("h1", "reply.before"),
    ("control", "cast.after"),
)


@pytest.fixture(scope="module")
def var() -> Iterator[Path]:
    """A data directory for all cases, so that libvirt looks at QEMU once; at the end it is taken away."""
    settings = own_names()
    with scratch("kills") as home, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setenv("CLOUDWEB_TIME_SCALE", "0.1")
        libvirt_knowledge.give(home / "hosts" / "h1" / "compute")
        yield home
        remove(home, settings)
        assert not leftovers(home / "hosts" / "h1", prefix=settings["NETWORK_PREFIX"], disk=False)


class Stage:
    """A control worker and a host on real drivers, a project and what a server needs."""

    def __init__(self, var: Path, processes: Processes) -> None:
        self.processes = processes
        self.host = var / "hosts" / "h1"
        shutil.rmtree(self.host / "orders", ignore_errors=True)  # another case's database
        ensure_default_flavors()
        self.context = make_context(make_member("member", project=make_project()))
        self.network = make_network(self.context, name="lan")
        make_subnet(self.network, self.context)
        self.image = upload(context=self.context, data=RAW, name="empty")
        add_host("h1", self.host)

    @property
    def manager(self) -> InstanceManager:
        return InstanceManager(self.context)

    def restart(self, name: str, *, kill_at: KillAt | None = None) -> None:
        self.processes.kill(name)
        if name == "control":
            self.processes.start_control(kill_at=kill_at)
        else:
            self.processes.start_host(name, kill_at=kill_at)

    def create(self) -> str:
        flavor = Flavor.objects.order_by("ram").first()
        assert flavor is not None
        (made,) = self.manager.create(wanted_server(flavor, self.image, self.network))
        return str(made.id)

    def wait(self, ready: Callable[[], bool], seconds: float = PATIENCE) -> None:
        limit = time.monotonic() + seconds
        while not ready():
            left = list(Operation.objects.values("kind", "state", "direction", "error_detail"))
            assert time.monotonic() < limit, f"it does not happen; operations: {left}"
            time.sleep(0.05)

    def wait_for_end(self) -> None:
        self.wait(lambda: not Operation.objects.exclude(state__in=("DONE", "UNDONE")).exists())

    def check_nothing_is_left(self) -> None:
        check_invariants()
        rows = {
            "claims": Claim.objects.count(),
            "holds": Hold.objects.count(),
            "ports": Port.objects.filter(device_owner__startswith="compute:").count(),
        }
        assert set(rows.values()) == {0}, rows
        assert self.leftovers() == []

    def leftovers(self) -> list[str]:
        return leftovers(self.host, prefix=os.environ["NETWORK_PREFIX"])


@pytest.fixture
def stage(var: Path, redis_socket: Path, live_server: Any, settings: Any) -> Iterator[Stage]:
    settings.PUBLIC_URL = live_server.url  # where the host fetches the image
    with Processes(var / "hosts", f"redis+socket://{redis_socket}") as processes:
        made = Stage(var, processes)
        made.restart("control")
        made.restart("h1")
        made.wait(lambda: Host.objects.filter(name="h1", vcpus__gt=0).exists())
        yield made
    connections.close_all()


@pytest.mark.parametrize(("victim", "point"), POINTS)
@pytest.mark.parametrize("during", ["create", "delete"])
def test_killed_worker_leaves_nothing_behind(
    stage: Stage, tmp_path: Path, during: str, victim: str, point: str
) -> None:
    proof = tmp_path / "proof"
    server = ""
    if during == "delete":
        server = stage.create()
        stage.wait_for_end()
        assert Instance.objects.get(id=server).vm_state == "active"
        assert stage.leftovers()
    # a create's second order is the guest's, after the port's; a delete's first
    stage.restart(victim, kill_at=KillAt(point, proof, count=2 if during == "create" else 1))
    if during == "create":
        server = stage.create()
    else:
        stage.manager.delete(server)
    stage.wait(lambda: not stage.processes.is_alive(victim))
    assert proof.read_text().startswith(point)
    stage.restart(victim)
    stage.wait_for_end()
    if during == "create":
        assert Instance.objects.get(id=server).vm_state == "active"
        stage.manager.delete(server)
        stage.wait_for_end()
    assert Instance.objects.get(id=server).vm_state == "deleted"
    # a host that was silent too long for the shortened clocks owes what it was not told
    stage.wait(lambda: unpaid_debts() == 0)
    stage.check_nothing_is_left()
