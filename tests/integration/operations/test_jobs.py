"""Jobs: steps that are long work of the control plane, outside any transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import ServiceUnavailable
from operations import jobs
from operations.engine import advance
from operations.guard import Lost
from operations.history import operations_of
from operations.manager import OperationManager
from operations.models import Hold, Operation, Step
from operations.saga import Failure, Job, Run, Saga, StepFailed
from operations.saga import Step as Declared
from operations.testing import Cloud, check_invariants, cloud
from tests.infrastructure import PATIENCE, wait_until

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
LIMIT = timedelta(hours=1)


class Desk:
    """What the jobs do, and what they did."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.work: Callable[[jobs.Running], dict[str, Any] | None] = lambda _: {"made": 1}
        self.undo: Callable[[jobs.Running], dict[str, Any] | None] = lambda _: None


desk = Desk()


def _do(running: jobs.Running) -> dict[str, Any] | None:
    desk.log.append(f"do in_transaction={connection.in_atomic_block}")
    return desk.work(running)


def _undo(running: jobs.Running) -> dict[str, Any] | None:
    desk.log.append("undo")
    return desk.undo(running)


def _then(run: Run) -> dict[str, Any]:
    desk.log.append(f"then {run.results['carry']}")
    if run.args.get("fail"):
        raise StepFailed("It must not be.")
    return {}


class Carry(Saga):
    """A job, and a local step after it."""

    kind = "test.carry"
    resource_type = "test_load"
    steps = (
        Declared(
            "carry",
            lambda run: Job(_do, deadline=LIMIT),
            undo=lambda run: Job(_undo),
            done=lambda run, answers: desk.log.append(f"done {answers}"),
        ),
        Declared("then", _then),
    )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        desk.log.append(f"undone {failure.public if failure else None}")


class Drop(Saga):
    """What pre-empts it."""

    kind = "test.drop_load"
    resource_type = "test_load"
    steps = (Declared("drop", lambda run: desk.log.append("drop")),)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    desk.__init__()  # type: ignore[misc]


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        yield made


def start(saga: type[Saga] = Carry, *, preempt: bool = False, **args: Any) -> Operation:
    with transaction.atomic():
        return saga.start(RequestContext.system(), resource_id="load", args=args, preempt=preempt)


def ended() -> dict[str, str]:
    check_invariants()
    assert not Hold.objects.exists()
    return dict(Operation.objects.values_list("kind", "state"))


def test_a_job_runs_outside_any_transaction_and_its_result_goes_on(memory: Cloud) -> None:
    def work(running: jobs.Running) -> dict[str, Any]:
        running.check()
        running.report(40, "40 of 100 MiB")
        running.check()
        (entry,) = operations_of("test_load", "load")
        desk.log.append(f"{entry.steps[0].state} {entry.steps[0].progress_text}")
        return {"made": 1}

    desk.work = work
    start()
    memory.settle()
    assert desk.log == [
        "do in_transaction=False",
        "STARTED 40 of 100 MiB",
        "done [{'made': 1}]",
        "then {'made': 1}",
    ]
    assert ended() == {"test.carry": "DONE"}


def test_what_is_away_is_tried_again(memory: Cloud) -> None:
    left = [ServiceUnavailable("Away."), OSError("broke")]

    def work(_: jobs.Running) -> dict[str, Any]:
        if left:
            raise left.pop()
        return {}

    desk.work = work
    start()
    memory.settle()
    assert ended() == {"test.carry": "DONE"}
    step = Step.objects.get(name="carry")
    assert (step.failures, step.attempt, step.error_public) == (2, 3, "")


def test_what_fails_for_good_is_undone(memory: Cloud) -> None:
    def work(_: jobs.Running) -> dict[str, Any]:
        raise StepFailed("The load is too heavy.")

    desk.work = work
    start()
    memory.settle()
    assert desk.log[1:] == ["undo", "undone The load is too heavy."]
    assert ended() == {"test.carry": "UNDONE"}


def test_a_later_failure_undoes_the_job_by_a_job(memory: Cloud) -> None:
    start(fail=True)
    memory.settle()
    assert desk.log[-2:] == ["undo", "undone It must not be."]
    assert ended() == {"test.carry": "UNDONE"}


def test_an_undo_that_fails_is_tried_again_later(memory: Cloud) -> None:
    left = [ServiceUnavailable("Away.")] * 4

    def undo(_: jobs.Running) -> None:
        if left:
            raise left.pop()

    desk.undo = undo
    start(fail=True)
    memory.settle()
    assert ended() == {"test.carry": "UNDONE"}
    assert not left


def test_a_delete_takes_a_job_under_way_down(memory: Cloud) -> None:
    def work(running: jobs.Running) -> dict[str, Any]:
        start(Drop, preempt=True)
        running.check()
        raise AssertionError("it went on")

    desk.work = work
    start()
    memory.settle()
    assert desk.log[1:] == ["undo", "undone None", "drop"]
    assert ended() == {"test.carry": "UNDONE", "test.drop_load": "DONE"}


def test_an_operator_cancels_a_job_under_way(memory: Cloud) -> None:
    def work(running: jobs.Running) -> dict[str, Any]:
        OperationManager(RequestContext.system()).cancel(running.operation.id)
        running.check()
        raise AssertionError("it went on")

    desk.work = work
    start()
    memory.settle()
    assert desk.log[1:] == ["undo", "undone An operator cancelled it."]


def test_a_job_past_its_deadline_is_given_up(memory: Cloud) -> None:
    def work(running: jobs.Running) -> dict[str, Any]:
        running.row.deadline_at = now() - timedelta(seconds=1)
        Step.objects.filter(id=running.row.id).update(deadline_at=running.row.deadline_at)
        running.check()
        raise AssertionError("it went on")

    desk.work = work
    start()
    memory.settle()
    assert desk.log[1:] == ["undo", "undone It took too long and was given up."]


@pytest.mark.parametrize("late", ["returns", "fails"])
def test_one_who_was_taken_for_dead_changes_nothing(memory: Cloud, late: str) -> None:
    """The first attempt is frozen past its lease while a second does all of it."""

    def first(running: jobs.Running) -> dict[str, Any]:
        desk.work = lambda _: {"made": 2}
        Operation.objects.update(lease_until=now() - timedelta(seconds=1))
        advance(running.operation.id)
        memory.settle()
        assert ended() == {"test.carry": "DONE"}
        if late == "fails":
            raise StepFailed("too late")
        return {"made": 1}

    desk.work = first
    start()
    memory.settle()
    assert ended() == {"test.carry": "DONE"}
    step = Step.objects.get(name="carry")
    assert (step.result, step.state, step.attempt) == ({"made": 2}, "DONE", 2)
    assert desk.log.count("then {'made': 2}") == 1


class TestThreads:
    """The pool of a worker."""

    @pytest.fixture(autouse=True)
    def pool(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[jobs.Threads]:
        made = jobs.Threads(1)
        monkeypatch.setattr(jobs, "_pool", made)
        monkeypatch.setattr("operations.doorbell.rpc.ring", lambda _: True)
        yield made
        made.stop()

    def test_the_lease_is_renewed_while_it_runs_and_places_are_counted(self) -> None:
        going, on = threading.Event(), threading.Event()

        def work(running: jobs.Running) -> dict[str, Any]:
            running.report(50)
            going.set()
            assert on.wait(PATIENCE)
            running.check()
            return {}

        desk.work = work
        operation = start()
        with transaction.atomic():
            other = Carry.start(RequestContext.system(), resource_id="other")
        advance(operation.id)
        assert going.wait(PATIENCE)
        lease = Operation.objects.get(id=operation.id).lease_until
        advance(other.id)  # no place: it waits, and nothing of it has begun
        other.refresh_from_db()
        assert (other.state, Step.objects.filter(operation=other, state="STARTED").count()) == (
            "WAITING", 0,
        )  # fmt: skip
        wait_until(
            lambda: (
                Operation.objects.get(id=operation.id).lease_until > lease
                and Step.objects.get(operation=operation, name="carry").progress == 50
            ),
            what="the lease is renewed",
        )
        on.set()
        wait_until(
            lambda: Operation.objects.get(id=operation.id).state == "READY",
            what="the job is recorded",
        )
        advance(operation.id)
        assert Operation.objects.get(id=operation.id).state == "DONE"

    def test_a_worker_that_stops_leaves_its_jobs_to_another(self, pool: jobs.Threads) -> None:
        going = threading.Event()

        def work(running: jobs.Running) -> dict[str, Any]:
            going.set()
            while True:
                running.check()
                threading.Event().wait(0.01)

        desk.work = work
        operation = start()
        advance(operation.id)
        assert going.wait(PATIENCE)
        pool.stop()
        operation.refresh_from_db()
        assert (operation.state, operation.owner) == ("READY", "")
        advance(operation.id)  # a pool that was stopped takes nothing
        operation.refresh_from_db()
        assert operation.state == "WAITING"


def test_slow_jobs_of_one_project_leave_places_to_others() -> None:
    pool = jobs.Threads(4)
    taken = [project for project in "aaabbbccddd" if pool.take(project)]
    assert taken == ["a", "a", "b", "c"]  # at most half for one; the last place for who has none
    pool.give_back("a")
    assert [project for project in "bcd" if pool.take(project)] == ["d"]
    for project in "abc":
        pool.give_back(project)
    assert [project for project in "dde" if pool.take(project)] == ["d", "e"]
    whole = jobs.Threads(4, share=4)
    assert [whole.take(project) for project in "aaaab"] == [True, True, True, False, True]
    assert [jobs.Threads(1).take("a"), jobs.Threads(2).take("a")] == [True, True]


def test_a_guarded_look_is_lost_when_somebody_else_has_the_claim() -> None:
    operation = start()
    row = Step.objects.get(name="carry")
    running = jobs.Running(operation, row)
    running.renew()
    with pytest.raises(Lost):
        running.check()
