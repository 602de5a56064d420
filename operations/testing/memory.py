"""A cloud in one process, and the checks every saga gets in one line (DESIGN section 4).

``Cloud`` replaces the broker by queues in memory that a test may lose, double or delay, and runs hosts
on fake drivers in the same thread, so a test decides when anything happens.
"""

from __future__ import annotations

import math
import os
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from cloudweb import rpc
from cloudweb.agent import Agent
from cloudweb.database.clock import now
from cloudweb.host import HostRuntime
from cloudweb.topics import DOORBELL, INBOX, REPORTS
from operations import conductor, doorbell, engine, jobs, services
from operations.engine import advance
from operations.hands import Hands
from operations.holding import Resource
from operations.joining import add_host
from operations.models import Debt, Hold, Operation, Service, Step
from operations.saga import saga_of
from operations.starting import wanted_by
from operations.states import OperationState, StepState

Message = dict[str, Any]


class OnTheSpot:
    """A pool that runs each job at once, in the caller's thread."""

    def submit(self, job: Callable[..., Any], /, *args: Any) -> None:
        """Run it."""
        job(*args)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """There is nothing to stop."""


class JobsOnTheSpot:
    """A pool that runs each job at once; whenever it looks whether it still counts, it really looks."""

    def take(self, project_id: str) -> bool:
        """There is always a place."""
        return True

    def give_back(self, project_id: str) -> None:
        """Places are not counted."""

    def submit(self, running: jobs.Running, body: Callable[[], None]) -> None:
        """Run it."""
        look = running.check

        def check() -> None:
            running.renew()
            look()

        running.check = check  # type: ignore[method-assign]
        body()


class MemoryBroker:
    """Queues in memory; ``is_down`` refuses messages, ``lose`` drops those it says True for."""

    def __init__(self) -> None:
        self.queues: defaultdict[str, deque[tuple[str, Any]]] = defaultdict(deque)
        self.is_down = False
        self.lose: Callable[[str, str, Any], bool] = lambda _queue, _task, _argument: False
        self.doubles = False
        self.moved = 0  # messages that were sent or taken
        self._lock = threading.Lock()

    def send(self, queue: str, task: str, argument: Any) -> bool:
        """Take a message, unless told to be down or to lose it."""
        if self.is_down:
            return False
        if not self.lose(queue, task, argument):
            with self._lock:
                self.moved += 1
                self.queues[queue].extend([(task, argument)] * (2 if self.doubles else 1))
        return True

    def put(self, queue: str, message: Message) -> bool:
        """Take a message that is no task."""
        return self.send(queue, "", message)

    def flush_all(self) -> None:
        """Forget every message (Redis' FLUSHALL)."""
        with self._lock:
            self.queues.clear()

    def take(self) -> tuple[str, str, Any] | None:
        """Return the next message of any queue."""
        with self._lock:
            for name, queue in self.queues.items():
                if queue:
                    self.moved += 1
                    task, argument = queue.popleft()
                    return name, task, argument
        return None


class Cloud:
    """Control plane and hosts in one thread."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.broker = MemoryBroker()
        self.hosts: dict[str, HostRuntime] = {}
        self.dead: set[str] = set()
        self._going_on: Mapping[str, tuple[str, int]] = {}

    def add_host(self, name: str, agents: Mapping[str, Agent]) -> HostRuntime:
        """Start a host with these agents and let it report."""
        directory = self.directory / name
        if not (directory / "credentials").exists():
            add_host(name, directory)
        host = HostRuntime(
            name,
            directory,
            agents,
            send=rpc.deliver,
            pool=OnTheSpot(),
        )
        for agent in host.agents.values():
            agent.init_host()
        self.hosts[name] = host
        self.dead.discard(name)
        if name in self._going_on:
            self._go_on(host)
        else:
            host.report(init=True)
            self.pump()
        return host

    def places(self) -> Mapping[str, tuple[str, int]]:
        """Return by host its start and the number of what it said last."""
        return {name: (host.boot_id, host.voice.number()) for name, host in self.hosts.items()}

    @contextmanager
    def going_on(self, places: Mapping[str, tuple[str, int]]) -> Iterator[None]:
        """Let hosts that are made in the block be those that were at these places: at rest, and known."""
        self._going_on = places
        try:
            yield
        finally:
            self._going_on = {}
        Service.objects.filter(host__in=places).update(last_seen_at=now())

    def _go_on(self, host: HostRuntime) -> None:
        host.boot_id, host.voice._seq = self._going_on[host.host]  # noqa: SLF001
        host.voice.boot_id = host.boot_id
        host.reporter._full = False  # noqa: SLF001 - it told all of it

    def kill_host(self, name: str) -> None:
        """Let a host die: it takes nothing and says nothing; the control plane notices."""
        self.dead.add(name)
        self._notice_silence()

    def _notice_silence(self) -> None:
        silent = Service.objects.filter(host__in=self.dead)
        silent.update(last_seen_at=now() - timedelta(hours=1), grace_until=None)
        services.announce_changes()

    def forget_everything(self) -> None:
        """Be a machine after a power failure: no message, no host; only rows and the hosts' disks are left."""
        doorbell_quiet()
        self.broker.flush_all()
        self.broker.doubles = False
        self.hosts.clear()
        self.dead.clear()

    def report(self) -> None:
        """Let every living host report; those that go on have done so."""
        for name, host in self.hosts.items():
            if name not in self.dead and name not in self._going_on:
                host.report()

    def pump(self, limit: int = 2000, *, at_rest: bool = True) -> None:
        """Deliver messages until there are none; if not ``at_rest`` is wanted, no more than so many."""
        doorbell_quiet()
        for _ in range(limit):
            found = self.broker.take()
            if found is None:
                doorbell_quiet()
                found = self.broker.take()
                if found is None:
                    return
            self._deliver(*found)
        if at_rest:
            raise AssertionError("the cloud does not come to rest")

    def _deliver(self, queue: str, task: str, argument: Any) -> None:
        if queue in (INBOX, REPORTS):
            conductor.receive(argument)
        elif queue == DOORBELL:
            advance(argument["operation"])
        else:
            name = queue.partition(".")[2]
            if name in self.dead or name not in self.hosts:
                return
            host = self.hosts[name]
            takes = {"notice": host.notice, "answer": host.answer}
            takes.get(task.partition(".")[2], host.receive)(argument)

    def make_due(self) -> None:
        """Let the time pass that anything waits for (back-off, a lost order, a dead owner's lease)."""
        self._notice_silence()
        past = now() - timedelta(seconds=1)
        Operation.objects.filter(next_at__isnull=False).update(next_at=past)
        Step.objects.filter(cast_at__isnull=False).update(cast_at=past - timedelta(hours=1))
        Operation.objects.filter(state=OperationState.RUNNING).update(lease_until=past)

    def sweep(self) -> int:
        """Advance all that is due, as the sweep does; return how many."""
        from operations.sweep import hand_out_due

        return hand_out_due(Hands(OnTheSpot()))

    def pass_time(self) -> None:
        """Let living hosts read all there is and report, and the time pass that anything waits for."""
        self.pump()
        for host in self.hosts.values():
            for domain in host.agents:
                host.taken.note(domain, now().timestamp())
        self.report()
        self.pump()
        self.make_due()
        self.sweep()

    def settle(self, rounds: int = 60) -> None:
        """Let time pass until every operation has ended; raise AssertionError if one never does."""
        for _ in range(rounds):
            self.pump()
            if not Operation.objects.exclude(state__in=OperationState.ended()).exists():
                return
            self.pass_time()
        left = [
            (o.kind, o.state, o.direction, o.cursor, o.error_detail)
            for o in Operation.objects.exclude(state__in=OperationState.ended())
        ]
        raise AssertionError(f"operations that do not end: {left}")


def doorbell_quiet() -> None:
    """Wait until the doorbell's thread has rung all it was given."""
    done = threading.Event()
    doorbell.later(done.set)
    done.wait(10)


@contextmanager
def cloud(directory: Path) -> Iterator[Cloud]:
    """Run a block against a cloud in memory."""
    made = Cloud(directory)
    doorbell_quiet()  # what was rung for before is not this cloud's
    before = rpc._sender  # noqa: SLF001 - the seam tests replace
    rpc._sender = made.broker  # type: ignore[assignment]  # noqa: SLF001
    pool, jobs._pool = jobs._pool, JobsOnTheSpot()  # noqa: SLF001
    long, engine.LONG = engine.LONG, engine.LONG and math.inf  # not by how busy the machine is
    scale = os.environ.get("CLOUDWEB_TIME_SCALE")
    os.environ["CLOUDWEB_TIME_SCALE"] = "1"  # time passes when the test says so
    try:
        yield made
    finally:
        engine.LONG = long
        os.environ["CLOUDWEB_TIME_SCALE"] = scale or "1"
        doorbell_quiet()
        rpc._sender = before  # noqa: SLF001
        jobs._pool = pool  # noqa: SLF001


def check_invariants() -> None:
    """Raise AssertionError when the tables break a promise of OPERATIONS 40; workers may be at work meanwhile."""
    with _one_moment():
        _check_invariants()


@contextmanager
def _one_moment() -> Iterator[None]:
    """Let all reads of a block see the tables as they are at one moment."""
    was_inside = connection.in_atomic_block
    with transaction.atomic():
        if not was_inside and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def _check_invariants() -> None:
    live = ~Q(state__in=OperationState.ended())
    assert not Operation.objects.filter(
        state__in=[OperationState.WAITING, OperationState.READY], next_at__isnull=True
    ).exists(), "an operation waits for nothing"
    assert not Step.objects.filter(
        state=StepState.STARTED, deadline_at__isnull=True, scope__gt=""
    ).exists(), "a step has no deadline"
    assert not Hold.objects.exclude(operation__in=Operation.objects.filter(live)).exists(), (
        "a hold without a live operation"
    )
    for step in Step.objects.filter(state=StepState.STARTED):
        if step.child_id is None:
            continue
        child = Operation.objects.filter(id=step.child_id).first()
        assert child is not None, "a step waits for an operation that does not exist"
        is_polled = isinstance(step.result, dict) and bool(step.result.get("joined"))
        assert child.is_live or is_polled, "a step waits for an operation that has ended"
    for operation in Operation.objects.filter(live).prefetch_related("holds"):
        held = {Resource(hold.resource_type, hold.resource_id) for hold in operation.holds.all()}
        if operation.state == OperationState.QUEUED:
            assert not held, "an operation that waits for another holds something"
            assert operation.after is not None, "an operation is queued behind nothing"
            assert operation.after.is_live, "an operation is queued behind one that has ended"
            continue
        wanted = wanted_by(saga_of(operation), operation.resource_id, operation.args)
        assert set(wanted) <= held, "a live operation does not hold what it gives orders about"


def unpaid_debts() -> int:
    """Return how many debts are open."""
    return Debt.objects.filter(paid_at__isnull=True).count()
