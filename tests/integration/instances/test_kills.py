"""Real processes killed by SIGKILL: one saga of each shape, at the points of OPERATIONS 34.

That every saga survives death at each of its steps is proved by its drill (``tests/drills``), in memory.
Here it is shown that a death is one: workers over a real broker and a real database, killed while a
server is built (local steps, an order, several orders, their undo), while that is pre-empted, while a host
pays a debt and while an operation waits for its child. Each case proves that the kill happened, starts a
fresh worker and waits for the end: database, hypervisor and network agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from compute.bootstrap import ensure_default_flavors
from compute.drivers.fake import FakeDriver
from compute.models import Claim, Flavor, Host
from identity import quotas
from instances.manager import InstanceManager
from instances.models import Instance
from instances.operations import CreateInstance, StopInstance
from network.drivers.fake import FakeNetworkDriver
from network.models import Port
from operations import services
from operations.engine import advance
from operations.joining import add_host
from operations.models import Hold, Operation
from operations.saga import Child, Saga, Step
from operations.testing import KillAt, Processes, check_invariants, unpaid_debts
from tests.builders.identity import make_context, make_member, make_project
from tests.builders.images import RAW
from tests.builders.images import make_image as upload
from tests.builders.networks import make_network, make_subnet
from tests.builders.servers import wanted_server
from tests.infrastructure import PATIENCE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
#: A host has no database: where it dies is shown on SQLite alone.
ON_BOTH = pytest.mark.both_databases

CLAIM = ("claim.before", "claim.after")
LOCAL = ("local.before_commit", "local.after_commit")
ORDER = (
    "order.before_commit",
    "order.after_commit",
    "cast.before",
    "cast.after",
    "accept.before_commit",
    "accept.after_commit",
    "settle.before_commit",
    "settle.after_commit",
)
END = ("end.before_commit", "end.after_commit")
HOST = (
    "record.before",
    "record.after",
    "effect.before",
    "effect.after",
    "outcome.before",
    "outcome.after",
    "reply.before",
    "reply.after",
)
CALLER = ("start.before_commit", "start.after_commit")
PLUG, SPAWN = (f"do.{CreateInstance.index_of(name)}" for name in ("plug_ports", "spawn"))
DESTROY = SPAWN.replace("do", "undo")


class LookAfter(Saga):
    """An operation that waits for its child: a server is stopped."""

    kind = "test.look_after"
    resource_type = "test_keeper"
    steps = (Step("stop", lambda run: Child(StopInstance, run.args["server"])),)


class Stage:
    """A cloud of processes with one host, one project and what a server needs."""

    def __init__(self, directory: Path, processes: Processes) -> None:
        self.directory, self.processes = directory, processes
        ensure_default_flavors()
        self.context = make_context(make_member("member", project=make_project()))
        self.network = make_network(self.context, name="net1")
        make_subnet(self.network, self.context)
        self.image = upload(context=self.context, data=RAW, name="cirros")
        self.flavor = Flavor.objects.order_by("ram").first()
        add_host("h1", directory / "h1")
        self.faults = directory / "h1" / "compute" / "faults.json"

    @property
    def manager(self) -> InstanceManager:
        return InstanceManager(self.context)

    def start(self) -> None:
        """Start healthy workers and wait for the host's first report."""
        self.processes.start_control()
        self.processes.start_host("h1")
        self.wait(lambda: Host.objects.filter(name="h1", vcpus__gt=0).exists())

    def create(self, *, cards: int = 1) -> str:
        assert self.flavor is not None
        wanted = wanted_server(self.flavor, self.image, *[self.network] * cards)
        (made,) = self.manager.create(wanted)
        return str(made.id)

    def built(self) -> str:
        server = self.create()
        self.wait_for_end()
        assert Instance.objects.get(id=server).vm_state == "active"
        return server

    def wait(self, ready: Callable[[], bool], seconds: float = PATIENCE) -> None:
        limit = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > limit:
                left = list(
                    Operation.objects.values("kind", "state", "direction", "cursor", "error_detail")
                )
                raise AssertionError(f"it does not happen; operations: {left}")
            time.sleep(0.02)

    def wait_for_end(self) -> None:
        self.wait(lambda: not Operation.objects.exclude(state__in=("DONE", "UNDONE")).exists())

    def census(self) -> dict[str, Any]:
        """Count what exists, after the host's process was ended so that its files are its truth."""
        self.processes.kill("h1")
        guests = FakeDriver(self.directory / "h1" / "compute", "h1")
        guests.start(lambda *_: None)
        wires = FakeNetworkDriver(self.directory / "h1" / "network", "h1")
        wires.start()
        check_invariants()
        return {
            "claims": Claim.objects.count(),
            "holds": Hold.objects.count(),
            "ports": Port.objects.filter(device_owner__startswith="compute:").count(),
            "guests": {guest.id: guest.power_state for guest in guests.list()},
            "taps": len(wires.ports()),
        }


@pytest.fixture
def stage(tmp_path: Path, redis_socket: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("DRIVERS", "fake")
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "0.08")
    with Processes(tmp_path, f"redis+socket://{redis_socket}") as processes:
        made = Stage(tmp_path, processes)
        made.start()
        yield made
    connections.close_all()


@dataclass(frozen=True)
class Scenario:
    """A saga: how the stage is set, what starts it, and what must be true at its end."""

    act: Callable[[Stage, str], object]
    vm_state: str
    power: str | None  # None: no guest is left
    prepare: Callable[[Stage], str] = lambda stage: ""
    cards: int = 1


def _create_and_delete(stage: Stage, _server: str) -> None:
    stage.manager.delete(stage.create())


def _fail_spawn(stage: Stage) -> str:
    stage.faults.parent.mkdir(parents=True, exist_ok=True)
    stage.faults.write_text('{"spawn": {"fail": -1, "transient": false, "when": "after"}}')
    return ""


def _owe(stage: Stage) -> str:
    """Delete a server whose host is down: the host will owe it."""
    server = stage.built()
    stage.processes.kill("h1")
    stage.wait(lambda: not services.is_up("h1", "compute"))
    stage.manager.delete(server)
    stage.wait_for_end()
    assert unpaid_debts() > 0
    return server


def _look_after(stage: Stage, server: str) -> None:
    with transaction.atomic():
        Instance.objects.filter(id=server).update(task_state="powering-off")
        LookAfter.start(stage.context, resource_id="keeper", args={"server": server})


SCENARIOS = {
    "create": Scenario(lambda stage, _: stage.create(), "active", "running"),
    "create_with_two_cards": Scenario(
        lambda stage, _: stage.create(cards=2), "active", "running", cards=2
    ),
    "create_undone": Scenario(lambda stage, _: stage.create(), "error", None, prepare=_fail_spawn),
    "delete_preempting_create": Scenario(_create_and_delete, "deleted", None),
    "debt": Scenario(lambda stage, _: None, "deleted", None, prepare=_owe),
    "child": Scenario(_look_after, "stopped", "shutdown", prepare=lambda stage: stage.built()),
}
#: Scenario, who is killed, at which points, for which step (any), the how many-th time.
SHAPES: tuple[tuple[str, str, tuple[str, ...], str, int], ...] = (
    ("create", "control", (*CLAIM, *LOCAL, *END), "", 1),
    ("create", "control", ORDER, SPAWN, 1),
    ("create", "h1", HOST, SPAWN, 1),
    ("create_with_two_cards", "control", ("accept.before_commit", "accept.after_commit"), PLUG, 2),
    ("create_with_two_cards", "h1", ("record.after", "effect.after", "reply.before"), PLUG, 2),
    ("create_undone", "control", ("undo.before_commit", "undo.after_commit"), "", 1),
    ("create_undone", "h1", ("effect.before", "effect.after", "outcome.after"), DESTROY, 1),
    ("delete_preempting_create", "control", ("claim.after", *END), "", 1),
    ("debt", "h1", ("effect.before", "effect.after", "outcome.after"), "", 1),
    ("child", "control", ("child.before_commit", "child.after_commit"), "", 1),
    ("child", "control", ("wake.before_commit", "end.after_commit"), "", 1),
)
CASES = [
    pytest.param(
        name,
        victim,
        point,
        step,
        count,
        id=f"{name}-{point}{step and f'-{step}'}",
        marks=(ON_BOTH,) if victim == "control" else (),
    )
    for name, victim, points, step, count in SHAPES
    for point in points
]


@pytest.mark.parametrize(("name", "victim", "point", "step", "count"), CASES)
def test_killed_worker_leaves_nothing_behind(
    stage: Stage, tmp_path: Path, name: str, victim: str, point: str, step: str, count: int
) -> None:
    scenario = SCENARIOS[name]
    server = scenario.prepare(stage)
    proof = tmp_path / "proof"
    kill = KillAt(point, proof, count, step=step)
    stage.processes.kill(victim)
    if victim == "control":
        stage.processes.start_control(kill_at=kill)
    else:
        stage.processes.start_host("h1", kill_at=kill)
    scenario.act(stage, server)
    stage.wait(lambda: not stage.processes.is_alive(victim))
    assert proof.read_text().startswith(point)
    if victim == "control":
        stage.processes.start_control()
    else:
        stage.processes.start_host("h1")
    _check_end(stage, scenario)


@ON_BOTH
@pytest.mark.parametrize("point", CALLER)
def test_killed_caller_did_all_or_nothing(stage: Stage, tmp_path: Path, point: str) -> None:
    proof = tmp_path / "proof"
    code = stage.processes.call(lambda: _discard(stage.create()), kill_at=KillAt(point, proof))
    assert code == -9
    assert proof.read_text().startswith(point)
    stage.wait_for_end()
    committed = point == "start.after_commit"
    assert Instance.objects.filter(vm_state="active").count() == int(committed)
    assert len(stage.census()["guests"]) == int(committed)


@ON_BOTH
def test_frozen_owner_who_thaws_late_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    """OPERATIONS 35. The owner has one thread, so nothing else of it is frozen with the database."""
    proof = tmp_path / "proof"
    stage.processes.kill("control")
    server = stage.create()
    operation = Operation.objects.get().id
    freeze = KillAt("claim.after", proof, freeze=True)
    stage.processes.start_job("frozen", lambda: advance(operation), kill_at=freeze)
    stage.wait(proof.exists)
    stage.processes.start_control()
    stage.wait_for_end()
    stage.processes.thaw("frozen")
    assert stage.processes.wait("frozen") == 0
    stage.manager.stop(server)
    stage.wait_for_end()
    assert Operation.objects.filter(state="DONE").count() == 2
    assert stage.census()["guests"] == {server: "shutdown"}


@ON_BOTH
def test_broker_that_forgets_everything_in_the_middle_of_many(
    stage: Stage, redis_socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis import Redis

    # fifty at once keep a loaded machine busy for longer than the shortened clocks call a host up
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "1")
    for name in ("control", "h1"):
        stage.processes.kill(name)
    stage.start()
    broker = Redis(unix_socket_path=str(redis_socket))
    unlimited = dict.fromkeys(("instances", "cores", "ram"), -1)
    quotas.update(stage.context.scoped_project_id, "compute", unlimited)
    kept = [stage.create() for _ in range(25)]
    broker.flushall()
    gone = [stage.create() for _ in range(25)]
    for server in gone:
        stage.manager.delete(server)
        broker.flushall()
    stage.wait_for_end()
    census = stage.census()
    assert census["guests"] == dict.fromkeys(kept, "running")
    assert (census["claims"], census["ports"], census["taps"], census["holds"]) == (25, 25, 25, 0)


def _discard(_: object) -> None:
    """A job for a child answers nothing."""


def _check_end(stage: Stage, scenario: Scenario) -> None:
    stage.wait_for_end()
    stage.wait(lambda: unpaid_debts() == 0)
    instance = Instance.objects.get()
    assert (instance.vm_state, instance.task_state) == (scenario.vm_state, None)
    there = int(scenario.power is not None)
    census = stage.census()
    guests = {str(instance.id): scenario.power} if there else {}
    assert census == {
        "claims": there,
        "holds": 0,
        "ports": there * scenario.cards,
        "guests": guests,
        "taps": there * scenario.cards,
    }
