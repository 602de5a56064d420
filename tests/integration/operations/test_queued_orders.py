"""What a host has is not ordered again, and its time starts when it is executed (OPERATIONS 45)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cloudweb.agent import Agent, Function
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.objects import VersionedObject
from cloudweb.reports import StepReport
from cloudweb.rpc import Method
from operations import conductor, host_tasks, lost
from operations.models import Debt, Operation, Service, Step
from operations.saga import Saga
from operations.saga import Step as Declared
from operations.testing import Cloud, check_invariants, cloud

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Kiln(VersionedObject):
    """What is fired."""

    VERSION: ClassVar[str] = "1.0"

    id: str


FIRE = Method("compute.test_queue_fire", Kiln, deadline=60)


class Potter(Agent):
    """Notes what it does."""

    def __init__(self) -> None:
        self.fired = 0

    def methods(self) -> Mapping[Method[Any], Function]:
        return {FIRE: self.fire}

    def fire(self, kiln: Kiln, work: Any) -> None:
        self.fired += 1


class FireKiln(Saga):
    kind = "test.queue.fire"
    resource_type = "kiln"
    deadline = timedelta(hours=2)
    steps = (
        Declared("fire", lambda run: FIRE.order(host="h1", resource_id="k", payload=Kiln(id="k"))),
    )


class Bench:
    """A cloud whose one host takes the orders and does nothing about them until a test says so."""

    def __init__(self, lab: Cloud) -> None:
        self.lab, self.potter = lab, Potter()
        lab.add_host("h1", {"compute": self.potter})
        Service.objects.update(taken_at=None)  # it is judged by its reports alone
        self.orders: list[Any] = []
        lab.broker.lose = self._keep
        with transaction.atomic():
            self.operation = FireKiln.start(RequestContext.system(), resource_id="k")
        lab.pump()

    def _keep(self, queue: str, task: str, argument: Any) -> bool:
        if task == FIRE.name:
            self.orders.append(argument)
        return task == FIRE.name

    @property
    def row(self) -> Step:
        return Step.objects.get(operation=self.operation)

    def say(self, *said: StepReport, sent_at: datetime | None = None) -> None:
        conductor.accept_ended("h1", self.hear(*said, sent_at=sent_at))

    def hear(self, *said: StepReport, sent_at: datetime | None = None) -> Sequence[StepReport]:
        return conductor._note_steps("h1", {"compute": None}, said, sent_at=sent_at or now())

    def said(self, **facts: Any) -> StepReport:
        place = {"op": str(self.operation.id), "seq": self.row.seq, "direction": "do"}
        return StepReport(**{"attempt": 1, "outcome": "EXECUTING", **place, **facts})

    def look_again(self) -> int:
        """Let the sweep look at what waits; return how many orders were given in all."""
        Operation.objects.update(next_at=now() - timedelta(seconds=1))
        self.lab.sweep()
        check_invariants()
        return len(self.orders)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with cloud(tmp_path) as lab:
        yield Bench(lab)


def test_what_is_queued_or_executed_is_not_ordered_again(bench: Bench) -> None:
    for facts in ({"queued": True}, {"attempt": None}, {"progress": 40}, {}):
        bench.say(bench.said(**facts))
        assert bench.look_again() == 1, facts
    assert (bench.row.attempt, bench.row.state) == (1, "STARTED")
    bench.say()  # the host was started anew: it knows nothing of it
    assert bench.look_again() == 2
    assert bench.row.attempt == 2
    bench.say(bench.said(attempt=1))  # it has the first, the second is on its way or lost
    assert bench.row.heard_at is None
    bench.say(bench.said(attempt=2))
    assert bench.look_again() == 2
    bench.say(bench.said(attempt=2, outcome="DONE"))
    bench.lab.pump()  # it goes on in another thread than the one that reads reports
    bench.operation.refresh_from_db()
    assert bench.operation.state == "DONE"


def test_the_time_of_a_step_starts_when_it_is_executed(bench: Bench) -> None:
    own = bench.operation.deadline_at
    assert bench.row.deadline_at == own
    bench.say(bench.said(queued=True))
    row = bench.row
    assert (row.deadline_at, row.executing_at, row.progress_text) == (own, None, host_tasks.QUEUED)
    bench.say(bench.said(text="fires"))
    row = bench.row
    assert row.executing_at is not None
    assert row.deadline_at == row.executing_at + timedelta(seconds=FIRE.deadline)
    assert row.progress_text == "fires"
    bench.say(bench.said())
    assert bench.row.deadline_at == row.deadline_at  # it started once
    Step.objects.update(deadline_at=now())
    bench.look_again()
    row = bench.row
    assert (row.state, row.failures, row.error_code) == ("FAILED", 1, "transient_host")
    bench.look_again()
    row = bench.row
    assert (row.state, row.deadline_at, row.executing_at) == ("STARTED", own, None)


def test_a_report_that_waited_to_be_read_loses_no_order(bench: Bench) -> None:
    """What was cast after a report was sent is not missing in it, however late it is read."""
    long_ago = now() - timedelta(seconds=60)
    Step.objects.update(cast_at=now() - timedelta(seconds=50))
    Operation.objects.update(next_at=now() + timedelta(seconds=30))
    bench.say(sent_at=long_ago)
    assert bench.lab.sweep() == 0
    bench.say()
    assert bench.lab.sweep() == 1
    assert len(bench.orders) == 2


def test_a_debt_that_is_being_paid_is_not_handed_out_again(bench: Bench) -> None:
    debt = Debt.objects.create(
        host="h1", scope="compute:k", epoch=1, method=FIRE.name, payload=Kiln(id="k").dump(),
        handed_at=now() - timedelta(hours=1), operation_id=bench.operation.id,
    )  # fmt: skip
    paying = StepReport(op=str(debt.id), seq=0, direction="debt", attempt=1, outcome="EXECUTING")
    bench.say(bench.said(), paying)
    assert conductor.hand_out_debts("h1", {"compute": None}) == 0
    Debt.objects.update(handed_at=now() - timedelta(hours=1))
    bench.say(bench.said())
    assert conductor.hand_out_debts("h1", {"compute": None}) == 1


def test_nothing_is_ordered_again_before_its_host_could_be_heard(bench: Bench) -> None:
    """Reports that wait to be read are not the end of the orders that they would name."""
    cast_at = bench.row.cast_at
    assert cast_at is not None
    for after, sent, orders in ((20, 5, 1), (34, 14, 1), (40, 16, 2)):
        with time_machine.travel(cast_at + timedelta(seconds=after), tick=False):
            Service.objects.filter(host="h1").update(last_seen_at=cast_at + timedelta(seconds=sent))
            assert bench.look_again() == orders, (after, sent)


def test_many_orders_under_way_cost_the_statements_of_one(bench: Bench) -> None:
    counts = []
    for more in (0, 5):
        for number in range(more):
            with transaction.atomic():
                FireKiln.start(RequestContext.system(), resource_id=f"k{number}")
        bench.lab.pump()
        said = [
            StepReport(
                op=str(row.operation_id),
                seq=row.seq,
                direction="do",
                attempt=1,
                outcome="EXECUTING",
            )
            for row in Step.objects.filter(state="STARTED")
        ]
        assert len(said) == 1 + more
        with CaptureQueriesContext(connection) as captured:
            bench.say(*said)
        counts.append(len(captured))
    assert counts == [3, 3]
    assert not Step.objects.filter(state="STARTED", heard_at=None).exists()


def test_what_ended_is_not_late_while_its_answer_waits_to_be_read(bench: Bench) -> None:
    bench.say(bench.said())
    Step.objects.update(deadline_at=now(), executing_at=now() - timedelta(seconds=60))
    (ended,) = bench.hear(bench.said(outcome="DONE"))
    assert bench.look_again() == 1
    row = bench.row
    assert (row.state, row.failures, row.attempt) == ("STARTED", 0, 1)
    conductor.accept_ended("h1", [ended])
    assert bench.row.state == "DONE"


def test_what_ended_is_not_ordered_again_before_it_is_taken(bench: Bench) -> None:
    """The thread that takes what ended may be late; the host said that it has it."""
    (ended,) = bench.hear(bench.said(outcome="DONE"))
    Step.objects.update(cast_at=now() - timedelta(seconds=50))
    assert bench.look_again() == 1
    conductor.accept_ended("h1", [ended])
    assert bench.row.state == "DONE"


class LateHost:
    """A host that reports and takes nothing from its queue before a test lets it."""

    def __init__(self, lab: Cloud) -> None:
        self.lab, self.potter, self.reads = lab, Potter(), False
        lab.add_host("h1", {"compute": self.potter})
        lab.report()
        lab.pump()
        self.unread: list[tuple[str, Any]] = []
        lab.broker.lose = self._keep
        with transaction.atomic():
            self.operation = FireKiln.start(RequestContext.system(), resource_id="k")
        lab.pump()

    def _keep(self, queue: str, task: str, argument: Any) -> bool:
        if queue == "compute.h1" and not self.reads:
            self.unread.append((task, argument))
            return True
        return False

    @property
    def orders(self) -> int:
        return Step.objects.get(operation=self.operation).attempt

    def minutes_later(self, minutes: int) -> None:
        """Let the host report, and the sweep look at what waits, after so long."""
        with time_machine.travel(now() + timedelta(minutes=minutes), tick=False):
            self.lab.report()
            self.lab.pump()
            Operation.objects.update(next_at=now() - timedelta(seconds=1))
            self.lab.sweep()
            self.lab.pump()

    def read(self) -> None:
        """Let the host read all that lies in its queue."""
        self.reads = True
        self.lab.broker.queues["compute.h1"].extend(self.unread)
        self.unread.clear()
        self.lab.pump()


def test_what_lies_in_the_queue_of_a_host_that_reads_late_is_not_ordered_again(
    tmp_path: Path,
) -> None:
    with cloud(tmp_path) as lab:
        host = LateHost(lab)
        for minutes in (1, 2, 3):
            host.minutes_later(minutes)
        assert host.orders == 1
        assert [task for task, _ in host.unread].count(FIRE.name) == 1
        host.read()
        host.operation.refresh_from_db()
        assert (host.operation.state, host.orders, host.potter.fired) == ("DONE", 1, 1)


def test_what_a_broker_lost_is_ordered_again_once_the_host_has_read_what_came_after(
    tmp_path: Path,
) -> None:
    with cloud(tmp_path) as lab:
        host = LateHost(lab)
        host.unread.clear()  # the broker was emptied
        host.reads = True
        host.minutes_later(1)  # it is asked, and answers
        host.minutes_later(2)
        host.operation.refresh_from_db()
        assert (host.operation.state, host.orders, host.potter.fired) == ("DONE", 2, 1)


def test_a_debt_that_lies_in_the_queue_is_not_handed_out_again(bench: Bench) -> None:
    handed_at = now() - timedelta(minutes=5)
    Debt.objects.create(
        host="h1", scope="compute:k", epoch=1, method=FIRE.name, payload=Kiln(id="k").dump(),
        handed_at=handed_at, operation_id=bench.operation.id,
    )  # fmt: skip
    for read_after, handed in ((-1, 0), (1, 1)):
        taken = {"compute": handed_at + timedelta(seconds=read_after)}
        assert conductor.hand_out_debts("h1", taken) == handed


@pytest.mark.parametrize("said", [-1.0, float("nan"), float("inf"), 4e12])
def test_what_no_notice_of_ours_bore_is_nothing_read(said: float) -> None:
    assert lost.taken_at({"compute": said}, "compute") == lost.LONG_AGO
