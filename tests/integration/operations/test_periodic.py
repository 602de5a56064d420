"""A manager's periodic task runs once an interval, whoever rings, and nothing is lost with a ring."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django_celery_beat.models import PeriodicTask as Entry

from cloudweb import rpc
from cloudweb.celery import app
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import CloudwebError, InvalidInput, PolicyNotAuthorized
from cloudweb.periodic import TASKS
from operations.exceptions import PeriodicTaskNotFound
from operations.models import PeriodicTask
from operations.periodic import claims, table
from operations.periodic.beat import Schedule
from operations.periodic.manager import PeriodicTaskManager
from operations.periodic.runs import Runs
from operations.testing.memory import MemoryBroker, doorbell_quiet
from tests.builders.periodic import NAME, entry, read_tides, row
from tests.infrastructure import PATIENCE, wait_until

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
OPERATOR = RequestContext.system()


class Tides:
    """What a test's task does: it counts, and fails or waits when told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self) -> None:
        self.runs += 1
        self.gate.wait(PATIENCE)
        if self.error is not None:
            raise self.error


@pytest.fixture
def tides() -> Iterator[Tides]:
    made = Tides()
    with read_tides(made):
        yield made
    made.gate.set()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> MemoryBroker:
    doorbell_quiet()  # what others rang for is not ours
    made = MemoryBroker()
    monkeypatch.setattr(rpc, "_sender", made)
    return made


def make_due(*, seconds: float = 3600) -> None:
    PeriodicTask.objects.filter(name=NAME).update(next_at=now() - timedelta(seconds=seconds))


def ring(runs: Runs) -> None:
    """Ring and wait until what that began has ended."""
    runs.ring(NAME)
    wait_until(lambda: not runs._running, what="the run has ended")


def test_it_runs_when_it_is_due_and_once(tides: Tides) -> None:
    runs = Runs()
    ring(runs)
    assert tides.runs == 0  # its first interval is not over
    make_due()
    ring(runs)
    ring(runs)
    ring(Runs())  # another worker
    found = row()
    assert (tides.runs, found.runs, found.error, found.owner) == (1, 1, "", "")
    assert found.ended_at is not None
    assert found.started_at is not None
    assert found.started_at <= found.ended_at
    assert found.seconds is not None
    assert found.next_at is not None
    assert found.next_at - found.started_at == timedelta(seconds=600)


def test_it_keeps_to_the_grid_of_its_intervals(tides: Tides) -> None:
    make_due(seconds=3)
    before = row().next_at
    assert before is not None
    ring(Runs())
    assert row().next_at == before + timedelta(seconds=600)


def test_of_sixteen_who_ring_at_once_one_runs_it(tides: Tides) -> None:
    make_due()
    together = threading.Barrier(16)

    def claim(_: int) -> bool:
        try:
            together.wait(PATIENCE)
            return claims.take(NAME) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(claim, range(16))) == 1


def test_a_lost_ring_is_made_good_by_the_sweep(tides: Tides) -> None:
    runs = Runs()
    runs.hand_out()
    assert not runs._running
    make_due(seconds=0)
    assert claims.overdue() == []  # beat has a moment to ring
    make_due()
    runs.hand_out()
    wait_until(lambda: not runs._running, what="the run has ended")
    runs.hand_out()
    assert (tides.runs, claims.overdue()) == (1, [])


def test_one_that_died_half_way_runs_again_in_the_next_interval(tides: Tides) -> None:
    make_due()
    dead = claims.take(NAME)
    assert dead is not None
    make_due()
    assert claims.take(NAME) is None  # its lease holds
    PeriodicTask.objects.update(lease_until=now() - timedelta(seconds=1))
    ring(Runs())
    assert tides.runs == 1
    assert not claims.renew(dead)
    assert not claims.finish(dead, error="late")  # what the dead one says does not count
    assert (row().runs, row().error) == (1, "")


def test_a_lease_is_renewed_while_a_run_takes_long(tides: Tides) -> None:
    tides.gate.clear()
    make_due()
    runs = Runs()
    runs.ring(NAME)
    wait_until(lambda: tides.runs == 1, what="it runs")
    first = row().lease_until
    assert first is not None
    wait_until(lambda: (row().lease_until or first) > first, what="the lease is renewed")
    make_due()
    ring_while_it_runs = claims.take(NAME)
    tides.gate.set()
    wait_until(lambda: not runs._running, what="the run has ended")
    assert (ring_while_it_runs, row().lease_until) == (None, None)


def test_what_went_wrong_is_kept_until_something_else_does(tides: Tides) -> None:
    tides.error = ValueError("the gauge is dry")
    make_due()
    ring(Runs())
    first = row()
    assert (first.error, first.error_at) == ("ValueError('the gauge is dry')", first.ended_at)
    tides.error = CloudwebError("No water.", detail="x" * 5000)
    make_due()
    ring(Runs())
    assert row().error.startswith("No water. xxx")
    assert len(row().error) == claims.MAX_ERROR
    tides.error = None
    make_due()
    ring(Runs())
    assert row().error.startswith("No water.")
    assert (row().ended_at or now()) > (row().error_at or now())


def test_paused_it_rests_and_runs_when_it_is_asked_to(tides: Tides, broker: MemoryBroker) -> None:
    manager, runs = PeriodicTaskManager(OPERATOR), Runs()
    manager.pause(row().id, paused=True)
    make_due()
    ring(runs)
    assert (tides.runs, claims.overdue(), entry().enabled) == (0, [], False)
    manager.run_now(row().id)
    doorbell_quiet()
    assert list(broker.queues["conductor"]) == [(rpc.PERIODIC, NAME)]
    assert claims.overdue() == [NAME]  # the sweep finds it, should the ring be lost
    ring(runs)
    ring(runs)
    assert tides.runs == 1
    manager.pause(row().id, paused=False)
    ring(runs)
    assert (tides.runs, entry().enabled) == (1, True)  # it ran in this interval
    make_due()
    ring(runs)
    assert tides.runs == 2


def test_a_run_now_does_not_move_the_next_one(tides: Tides, broker: MemoryBroker) -> None:
    before = row().next_at
    PeriodicTaskManager(OPERATOR).run_now(row().id)
    ring(Runs())
    assert (tides.runs, row().next_at) == (1, before)


def test_asked_for_while_it_runs_it_runs_once_more(tides: Tides, broker: MemoryBroker) -> None:
    tides.gate.clear()
    make_due()
    runs, manager = Runs(), PeriodicTaskManager(OPERATOR)
    runs.ring(NAME)
    wait_until(lambda: tides.runs == 1, what="it runs")
    manager.run_now(row().id)
    manager.run_now(row().id)
    tides.gate.set()
    wait_until(lambda: not runs._running, what="the run has ended")
    for _ in range(3):
        runs.hand_out()
        wait_until(lambda: not runs._running, what="the run has ended")
    assert tides.runs == 2


def test_a_changed_interval_counts_from_the_last_run(tides: Tides) -> None:
    manager = PeriodicTaskManager(OPERATOR)
    make_due()
    ring(Runs())
    started = row().started_at
    assert started is not None
    manager.change(row().id, every=900, paused=False)
    assert row().next_at == started + timedelta(seconds=900)
    assert (entry().interval.every, entry().interval.period) == (900, "seconds")
    PeriodicTask.objects.update(started_at=started - timedelta(seconds=100))
    manager.change(row().id, every=60, paused=False)
    assert (row().next_at or now()) <= now()
    manager.change(row().id, every=None, paused=False)
    assert (row().interval, entry().interval.every) == (600, 600)


@pytest.mark.parametrize("every", [0, -5, 10**9])
def test_an_impossible_interval_is_refused_in_a_sentence(tides: Tides, every: int) -> None:
    with pytest.raises(InvalidInput, match="seconds"):
        PeriodicTaskManager(OPERATOR).change(row().id, every=every, paused=False)


def test_only_operators_steer(tides: Tides) -> None:
    manager = PeriodicTaskManager(RequestContext(user_id="u", roles=frozenset({"member"})))
    for call in (
        lambda: manager.pause(row().id, paused=True),
        lambda: manager.run_now(row().id),
        lambda: manager.change(row().id, every=5, paused=False),
    ):
        with pytest.raises(PolicyNotAuthorized):
            call()
    for missing in ("nonsense", "11111111-2222-4333-8444-555555555555"):
        with pytest.raises(PeriodicTaskNotFound):
            PeriodicTaskManager(OPERATOR).run_now(missing)


def test_nothing_but_a_declared_name_runs(tides: Tides) -> None:
    runs = Runs()
    PeriodicTask.objects.create(name="os.system", default_every=1, next_at=now())
    for name in ("os.system", "", None, {"name": NAME}, [NAME]):
        runs.ring(name)
    assert not runs._running
    assert claims.overdue() == []


def test_beat_rings_what_is_due_and_follows_changes(tides: Tides, broker: MemoryBroker) -> None:
    Entry.objects.create(name="stray", task="inbox.deliver", interval=entry().interval)
    manager = PeriodicTaskManager(OPERATOR)
    schedule = Schedule(app=app, max_interval=5)
    assert schedule.tick() > 0
    manager.change(row().id, every=60, paused=False)
    assert schedule.schedule[NAME].schedule.run_every == timedelta(seconds=60)
    make_due()
    manager.change(row().id, every=None, paused=True)
    assert schedule.schedule == {}
    PeriodicTask.objects.update(started_at=now() - timedelta(hours=1))
    manager.change(row().id, every=61, paused=False)  # it is due
    for _ in range(3):
        schedule.tick()
    doorbell_quiet()
    assert list(broker.queues["conductor"]) == [(rpc.PERIODIC, NAME)]
    assert schedule.tick() > 0
    broker.is_down = True
    manager.change(row().id, every=62, paused=False)
    for _ in range(3):
        schedule.tick()  # nobody waits for a broker that is away
    doorbell_quiet()
    assert len(broker.queues["conductor"]) == 1


def test_beat_takes_its_phase_from_the_rows(tides: Tides, broker: MemoryBroker) -> None:
    PeriodicTask.objects.update(next_at=now() + timedelta(seconds=7))
    schedule: Any = Schedule(app=app, max_interval=600)
    assert 5 < schedule.tick() < 8
    following = next(schedule.schedule[NAME])
    assert following.last_run_at + timedelta(seconds=600) > now() + timedelta(seconds=500)


def test_a_clock_that_was_wrong_for_a_while_stops_no_task(tides: Tides) -> None:
    wrong = now() + timedelta(days=1500)
    PeriodicTask.objects.update(next_at=wrong, started_at=wrong, owner="x", lease_until=wrong)
    assert Schedule(app=app, max_interval=5).tick() > 0
    found = row()
    assert found.next_at is not None
    assert found.lease_until is not None
    assert found.next_at <= now() + timedelta(seconds=600)
    assert found.lease_until < now() + timedelta(minutes=1)


def test_what_operators_set_outlives_a_new_release(tides: Tides) -> None:
    PeriodicTaskManager(OPERATOR).change(row().id, every=77, paused=True)
    table.register()
    assert (row().every, row().paused, row().default_every) == (77, True, 600)
    PeriodicTaskManager(OPERATOR).change(row().id, every=None, paused=False)
    with read_tides(tides, every=30):
        assert (row().interval, entry().interval.every) == (30, 30)
        assert (row().next_at or now()) < now() + timedelta(seconds=31)


def test_a_task_whose_code_is_gone_is_forgotten_after_a_week(tides: Tides) -> None:
    PeriodicTask.objects.create(
        name="harbour.gone", default_every=9, seen_at=now() - timedelta(days=8)
    )
    PeriodicTask.objects.create(name="compute.trim", host="h1", default_every=9)
    table.forget_old()
    names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert names == {NAME, "compute.trim"}
    table.register()
    assert set(Entry.objects.values_list("name", flat=True)) == {NAME}


def test_the_tasks_of_this_release() -> None:
    from django.utils.module_loading import autodiscover_modules

    autodiscover_modules("manager")
    wanted = {
        "audit.forget_old_records": 3600,
        "identity.expire_memberships": 600,
        "identity.forget_sessions": 3600,
        "identity.synchronize_directories": 600,
        "image.reap": 3600,
        "operations.forget_old": 3600,
    }
    assert {name: every for name, every in wanted.items() if TASKS.get(name)} == wanted
    for task in TASKS.all():
        if task.name in wanted:
            getattr(task.owner(OPERATOR), task.method)()
