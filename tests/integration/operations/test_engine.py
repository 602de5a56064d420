"""The engine on a saga of its own: two local steps around orders to fake hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction

from cloudweb import killpoints
from cloudweb.agent import Agent, Function
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.driver import DriverError, TransientDriverError
from cloudweb.killpoints import Place
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from operations import engine
from operations.conductor import OVERTAKEN
from operations.guard import Lost, flush, write
from operations.holding import ResourceBusy
from operations.models import Debt, Hold, Operation, Step
from operations.saga import Run, Saga, StepFailed
from operations.saga import Step as Declared
from operations.stretch import stretch
from operations.testing import Cloud, check_invariants, cloud, unpaid_debts

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Thing(VersionedObject):
    """What the test's agent is told."""

    VERSION: ClassVar[str] = "1.0"
    SECRETS: ClassVar[tuple[str, ...]] = ("secret",)

    id: str
    secret: str = ""


MAKE = Method("compute.test_make", Thing, Thing)
BREAK = Method("compute.test_break", Thing, urgent=True)


class World:
    """What happened, and what shall go wrong."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.things: dict[str, set[str]] = {}
        self.faults: dict[str, list[Exception]] = {}
        self.hosts: list[str] = ["h1"]
        self.hooks: dict[str, Callable[[], None]] = {}
        self.answers: list[Any] = []

    def note(self, word: str) -> None:
        self.log.append(word)
        if word in self.hooks:
            self.hooks.pop(word)()
        if self.faults.get(word):
            raise self.faults[word].pop(0)


world = World()


class MakerAgent(Agent):
    def __init__(self, host: str) -> None:
        self.host = host

    def methods(self) -> Mapping[Method[Any], Function]:
        return {MAKE: self.test_make, BREAK: self.test_break}

    def test_make(self, thing: Thing, work: Any) -> Thing:
        work.checkpoint()
        world.note(f"make@{self.host}")
        world.things.setdefault(self.host, set()).add(thing.id)
        world.note(f"made@{self.host}")
        return thing.model_copy(update={"secret": "hush"})

    def test_break(self, thing: Thing, work: Any) -> None:
        work.checkpoint()
        world.note(f"break@{self.host}")
        world.things.setdefault(self.host, set()).discard(thing.id)


def choose(run: Run) -> dict[str, str]:
    world.note("choose")
    left = [host for host in world.hosts if host not in run.excluded_hosts]
    if not left:
        raise StepFailed("No host is left.")
    return {"host": left[0]}


def unchoose(run: Run) -> None:
    world.note("unchoose")


def order_make(run: Run) -> Any:
    host = run.results["choose"]["host"]
    return [
        MAKE.order(host=host, resource_id=f"{run.resource_id}-{n}", payload=Thing(id=f"{n}"))
        for n in range(run.args.get("parts", 1))
    ]


def order_break(run: Run) -> Any:
    host = run.results["choose"]["host"]
    return [
        BREAK.order(host=host, resource_id=f"{run.resource_id}-{n}", payload=Thing(id=f"{n}"))
        for n in range(run.args.get("parts", 1))
    ]


def hear(run: Run, answers: Any) -> None:
    world.answers += answers
    world.note("answers")


def last(run: Run) -> None:
    world.answers += run.results["make"]
    world.note("last")


class MakeThings(Saga):
    kind = "test.make"
    resource_type = "thing"
    retry_from = "choose"
    steps = (
        Declared("choose", choose, undo=unchoose),
        Declared("make", order_make, undo=order_break, done=hear),
        Declared("last", last),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        world.note("done")

    @classmethod
    def on_undone(cls, run: Run, failure: Any) -> None:
        world.note(f"undone:{failure.code if failure else 'preempted'}")


class DropThings(Saga):
    kind = "test.drop"
    resource_type = "thing"
    steps = (Declared("drop", lambda run: world.note("drop")),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        world.note("dropped")


class PastThePoint(Saga):
    kind = "test.pivot"
    resource_type = "thing"
    steps = (
        Declared("switch", lambda run: world.note("switch"), undo=unchoose, pivot=True),
        Declared("after", lambda run: world.note("after")),
    )


class Refresh(Saga):
    kind = "test.refresh"
    resource_type = "thing"
    coalesce = True
    steps = (Declared("refresh", lambda run: world.note("refresh")),)


@pytest.fixture(params=[engine.LONG, 0], ids=["at_once", "move_by_move"])
def lab(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """A cloud with one host; what can go on does so in one transaction, or each move has its own."""
    global world
    world = World()
    monkeypatch.setattr(engine, "LONG", request.param)
    with cloud(tmp_path) as made:
        made.add_host("h1", {"compute": MakerAgent("h1")})
        yield made


def start(
    saga: type[Saga] = MakeThings,
    *,
    preempt: bool = False,
    resource_id: str = "r1",
    **args: Any,
) -> Operation:
    with transaction.atomic():
        return saga.start(
            RequestContext.system(project_id="p"),
            resource_id=resource_id,
            args=args,
            preempt=preempt,
        )


def claimed(operation: Operation) -> Operation:
    """Take an operation as a worker does that then does nothing more."""
    with stretch(0) as work:
        found = engine._find_due(operation.id)
        assert found is not None
        engine._take(work, found)
        flush(found)
    found.unwritten = None
    return found


def state_of(operation: Operation) -> str:
    return Operation.objects.get(id=operation.id).state


def test_a_secret_that_a_host_answers_is_kept_encrypted(lab: Cloud) -> None:
    operation = start()
    lab.settle()
    assert state_of(operation) == "DONE"
    (kept,) = Step.objects.filter(operation=operation, name="make").values_list("result", flat=True)
    assert kept["data"]["id"] == "0"
    assert "hush" not in str(kept)
    assert [Thing.load(one).secret for one in world.answers] == ["hush", "hush"]


def test_runs_every_step_once(lab: Cloud) -> None:
    operation = start(parts=3)
    lab.settle()
    assert state_of(operation) == "DONE"
    assert world.log.count("choose") == world.log.count("answers") == world.log.count("done") == 1
    assert world.things == {"h1": {"0", "1", "2"}}
    assert not Hold.objects.exists()
    check_invariants()


def test_final_failure_undoes_newest_first(lab: Cloud) -> None:
    world.faults["made@h1"] = [DriverError("The disk is full of bees.")]
    operation = start()
    lab.settle()
    found = Operation.objects.get(id=operation.id)
    assert (found.state, found.error_public) == ("UNDONE", "The disk is full of bees.")
    assert world.log[-3:] == ["break@h1", "unchoose", "undone:driver_error"]
    assert world.things == {"h1": set()}


def test_transient_failure_is_tried_again(lab: Cloud) -> None:
    world.faults["make@h1"] = [TransientDriverError("busy"), TransientDriverError("busy")]
    operation = start()
    lab.settle()
    assert state_of(operation) == "DONE"
    assert world.log.count("make@h1") == 3


def test_build_moves_to_another_host(lab: Cloud) -> None:
    lab.add_host("h2", {"compute": MakerAgent("h2")})
    world.hosts = ["h1", "h2"]
    world.faults["make@h1"] = [TransientDriverError("busy") for _ in range(3)]
    operation = start()
    lab.settle()
    found = Operation.objects.get(id=operation.id)
    assert (found.state, found.excluded_hosts) == ("DONE", ["h1"])
    assert world.things == {"h1": set(), "h2": {"0"}}
    rounds = Step.objects.filter(operation=operation, name="make", direction="do")
    assert sorted(rounds.values_list("state", flat=True)) == ["DONE", "FAILED"]


def test_no_host_left_is_the_reason(lab: Cloud) -> None:
    world.faults["make@h1"] = [TransientDriverError("busy") for _ in range(3)]
    operation = start()
    lab.settle()
    found = Operation.objects.get(id=operation.id)
    assert (found.state, found.error_public) == ("UNDONE", "No host is left.")


def test_everything_in_the_broker_lost_at_any_point(lab: Cloud) -> None:
    for lost in ("doorbell", "compute.h1", "inbox"):
        dropped: list[str] = []

        def lose(
            queue: str, task: str, argument: Any, lost: str = lost, dropped: list[str] = dropped
        ) -> bool:
            if queue == lost and len(dropped) < 2:
                dropped.append(task)
                return True
            return False

        lab.broker.lose = lose
        operation = start()
        lab.settle()
        assert state_of(operation) == "DONE"
        assert dropped
    assert world.log.count("done") == 3


def test_doubled_messages_change_nothing(lab: Cloud) -> None:
    lab.broker.doubles = True
    operation = start(parts=2)
    lab.settle()
    assert state_of(operation) == "DONE"
    assert world.log.count("make@h1") == 2
    assert world.log.count("answers") == world.log.count("done") == 1


def test_broker_down_costs_only_time(lab: Cloud) -> None:
    lab.broker.is_down = True
    operation = start()
    lab.pump()
    assert state_of(operation) == "READY"
    lab.sweep()
    assert state_of(operation) == "WAITING"
    lab.broker.is_down = False
    lab.settle()
    assert state_of(operation) == "DONE"


def test_host_that_dies_owes_the_undo_and_pays_when_it_returns(lab: Cloud) -> None:
    world.faults["last"] = [StepFailed("No.")]
    world.hooks["last"] = lambda: lab.kill_host("h1")
    operation = start()
    lab.settle()
    assert state_of(operation) == "UNDONE"
    assert world.things == {"h1": {"0"}}
    assert unpaid_debts() == 1
    lab.add_host("h1", {"compute": MakerAgent("h1")})
    lab.pump()
    assert unpaid_debts() == 0
    assert world.things == {"h1": set()}
    assert Debt.objects.get().epoch > 0


def test_a_newer_order_about_its_scope_settles_a_debt(lab: Cloud) -> None:
    """The debt is handed out in vain; when it comes at last, the newer order decides what is there."""
    world.faults["last"] = [StepFailed("No.")]
    world.hooks["last"] = lambda: lab.kill_host("h1")
    start()
    lab.settle()
    world.hooks.clear()
    lab.broker.lose = lambda queue, _task, _argument: queue == "compute.h1"
    lab.add_host("h1", {"compute": MakerAgent("h1")})
    lab.broker.lose = lambda *_: False
    again = start()
    lab.settle()
    assert (state_of(again), unpaid_debts()) == ("DONE", 1)
    Debt.objects.update(handed_at=now() - timedelta(hours=1))
    for _ in range(2):  # it is asked first how far it has read
        lab.report()
        lab.pump()
    debt = Debt.objects.get()
    assert (debt.paid_at is not None, debt.error_detail) == (True, OVERTAKEN)
    assert world.things == {"h1": {"0"}}


def test_delete_preempts_a_build(lab: Cloud) -> None:
    lab.broker.lose = lambda queue, _task, _argument: queue == "compute.h1"
    build = start()
    lab.pump()
    assert state_of(build) == "WAITING"
    drop = start(DropThings, preempt=True)
    again = start(DropThings, preempt=True)
    assert again.id == drop.id
    lab.broker.lose = lambda *_: False
    lab.settle()
    assert (state_of(build), state_of(drop)) == ("UNDONE", "DONE")
    assert world.log[-4:] == ["unchoose", "undone:preempted", "drop", "dropped"]
    check_invariants()


def test_late_reply_of_an_abandoned_step_is_dropped(lab: Cloud) -> None:
    held: list[tuple[str, str, Any]] = []

    def hold(queue: str, task: str, argument: Any) -> bool:
        if queue == "inbox" and argument["kind"] == "reply" and not held:
            held.append((queue, task, argument))
            return True
        return False

    lab.broker.lose = hold
    build = start()
    lab.pump()
    assert held
    drop = start(DropThings, preempt=True)
    lab.settle()
    lab.broker.send(*held[0])
    lab.settle()
    assert (state_of(build), state_of(drop)) == ("UNDONE", "DONE")


def test_second_operation_on_a_held_resource_is_refused(lab: Cloud) -> None:
    start()
    with pytest.raises(ResourceBusy):
        start()


def test_coalescing_starts_join(lab: Cloud) -> None:
    first = start(Refresh)
    assert start(Refresh).id == first.id  # nobody has looked at the rows yet
    started = []

    def change_while_it_looks() -> None:
        started.extend([start(Refresh), start(Refresh)])

    world.hooks["refresh"] = change_while_it_looks
    lab.settle()
    assert started[0].id == started[1].id != first.id
    assert world.log.count("refresh") == 2


def test_a_delayed_start_is_left_alone_until_then(lab: Cloud) -> None:
    with transaction.atomic():
        operation = Refresh.start(
            RequestContext.system(), resource_id="r1", delay=timedelta(minutes=5)
        )
    lab.sweep()
    assert world.log == []
    assert start(Refresh).id == operation.id  # wanted now: it no longer waits
    lab.settle()
    assert world.log.count("refresh") == 1


def plans_of(act: Callable[[], object], table: str, word: str) -> list[str]:
    """Return how SQLite finds what is read from a table by a state; PostgreSQL reads two rows anyhow."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, *rest: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, *rest)

    with connection.execute_wrapper(note):
        act()
    told = [
        one
        for one in asked
        if one[0].lstrip("(").startswith("SELECT") and table in one[0] and word in one[0]
    ]
    assert told, asked
    plans = []
    for sql, params in told if connection.vendor == "sqlite" else ():
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            plans.append(" ".join(row[3] for row in cursor.fetchall()))
    return plans


def test_what_is_due_or_started_is_found_by_its_indexes(lab: Cloud) -> None:
    waiting, abandoned = start(), start(resource_id="r2")
    engine.advance(abandoned.id)
    Operation.objects.filter(id=abandoned.id).update(
        state="RUNNING", lease_until=now() - timedelta(seconds=1)
    )
    assert set(engine.due_ids(now(), 10)) == {waiting.id, abandoned.id}
    grace = timedelta(seconds=5)
    plans = plans_of(
        lambda: engine.due_ids(now(), 10, grace=grace), "operations_operation", "READY"
    )
    for plan in plans:
        assert {"operation_due", "operation_lease"} <= set(plan.split()), plan
    for plan in plans_of(
        lambda: [hear() for hear in (lab.report, lab.pump)], '"operations_step"."host"', "'STARTED'"
    ):
        assert "step_started_on" in plan, plan


def test_who_comes_late_changes_nothing(lab: Cloud) -> None:
    operation = start()
    frozen = claimed(operation)
    engine.advance(operation.id)
    assert world.log == []
    Operation.objects.filter(id=operation.id).update(lease_until=now() - timedelta(seconds=1))
    lab.settle()
    assert state_of(operation) == "DONE"
    with pytest.raises(Lost):
        write(frozen, cursor=0)


def test_undo_that_cannot_work_waits_for_an_operator(lab: Cloud) -> None:
    world.faults["last"] = [StepFailed("No.")]
    world.faults["break@h1"] = [DriverError("stuck")]
    operation = start()
    for _ in range(20):
        lab.pump()
    assert state_of(operation) == "FAILED"
    check_invariants()
    lab.settle()
    assert state_of(operation) == "UNDONE"


def test_stuck_operation_gives_way_to_a_delete(lab: Cloud) -> None:
    world.faults["last"] = [StepFailed("No.")]
    world.faults["break@h1"] = [DriverError("stuck")]
    operation = start()
    for _ in range(20):
        lab.pump()
    assert state_of(operation) == "FAILED"
    drop = start(DropThings, preempt=True)
    lab.settle()
    assert (state_of(operation), state_of(drop)) == ("UNDONE", "DONE")


def test_deadline_turns_back(lab: Cloud) -> None:
    lab.broker.lose = lambda queue, _task, _argument: queue == "compute.h1"
    operation = start()
    lab.pump()
    Operation.objects.filter(id=operation.id).update(deadline_at=now())
    lab.make_due()
    lab.broker.lose = lambda *_: False
    lab.settle()
    found = Operation.objects.get(id=operation.id)
    assert (found.state, found.error_code) == ("UNDONE", "timeout")


def test_forged_envelopes_are_dropped(lab: Cloud) -> None:
    operation = start()
    kept: list[Any] = []
    lab.broker.lose = lambda queue, _task, argument: queue == "inbox" and not kept.append(argument)
    lab.pump()
    forged = {**kept[-1], "host": "h2"}
    tampered = {**kept[-1], "body": {**kept[-1]["body"], "outcome": "FINAL"}}
    lab.broker.lose = lambda *_: False
    for message in (forged, tampered, {}, {"host": "h1"}):
        lab.broker.send("inbox", "inbox.deliver", message)
    lab.pump()
    assert state_of(operation) == "WAITING"
    lab.broker.send("inbox", "inbox.deliver", kept[-1])
    lab.settle()
    assert state_of(operation) == "DONE"


def test_past_its_pivot_an_operation_goes_forward_only(lab: Cloud) -> None:
    world.faults["after"] = [StepFailed("not yet"), StepFailed("not yet")]
    operation = start(PastThePoint)
    lab.pump()
    drop = start(DropThings, preempt=True)
    lab.settle()
    assert (state_of(operation), state_of(drop)) == ("DONE", "DONE")
    assert world.log == ["switch", "after", "after", "after", "drop", "dropped"]


@contextmanager
def failing_at(point: str, name: str, error: Exception) -> Iterator[None]:
    """Let a step fail once at a point: its effect and its record are rolled back."""
    errors = [error]

    def fail(passed: str, place: Place) -> None:
        here = passed == point and Operation.objects.filter(id=place[0], kind__startswith="test.")
        if errors and here and Step.objects.filter(operation_id=place[0], seq=place[1], name=name):
            raise errors.pop()

    before = killpoints.watch(fail)
    try:
        yield
    finally:
        killpoints.watch(before)
        assert not errors


def test_a_step_that_cannot_be_committed_is_tried_again(lab: Cloud) -> None:
    """What was rolled back of the operation was kept in memory: the last step had none after it."""
    operation = start()
    with failing_at("local.before_commit", "last", OSError("The disk was full.")):
        lab.settle()
    assert state_of(operation) == "DONE"
    found = Operation.objects.get(id=operation.id)
    assert found.error_detail == ""  # no bug of ours
    assert Step.objects.get(operation=operation, name="last").failures == 1


def test_a_pivot_that_cannot_be_committed_is_not_past(lab: Cloud) -> None:
    operation = start(PastThePoint)
    with failing_at("local.before_commit", "switch", StepFailed("No.")):
        lab.settle()
    assert state_of(operation) == "UNDONE"
