"""A host that is down is waited for; one that is slow is asked again (OPERATIONS 44 and 48)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import time_machine
from django.db import transaction

from cloudweb.agent import Agent, Function
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.driver import TransientDriverError
from cloudweb.exceptions import NotYet
from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method
from cloudweb.topics import REPORTS
from operations import conductor, services
from operations.hands import Hands
from operations.models import Debt, Operation, Service, Step
from operations.records import AWAITED
from operations.saga import Run, Saga
from operations.saga import Step as Declared
from operations.sweep import Sweep
from operations.testing import Cloud, check_invariants, cloud
from operations.testing.memory import OnTheSpot

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


class Bell(VersionedObject):
    """What is rung or hung up."""

    VERSION: ClassVar[str] = "1.0"

    id: str


RING = Method("compute.test_away_ring", Bell)
HUSH = Method("compute.test_away_hush", Bell, urgent=True)


class BellRinger(Agent):
    """Notes what it does."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.broken = False

    def methods(self) -> Mapping[Method[Any], Function]:
        return {RING: self.ring, HUSH: self.hush}

    def ring(self, bell: Bell, work: Any) -> None:
        self.log.append("ring")
        if self.broken:
            raise TransientDriverError

    def hush(self, bell: Bell, work: Any) -> None:
        self.log.append("hush")


class RingBell(Saga):
    kind = "test.away.ring"
    resource_type = "bell"
    steps = (
        Declared("ring", lambda run: RING.order(host="h1", resource_id="b", payload=Bell(id="b"))),
    )


class HushBell(Saga):
    kind = "test.away.hush"
    resource_type = "bell"
    steps = (
        Declared(
            "hush",
            lambda run: HUSH.order(host="h1", resource_id="b", payload=Bell(id="b")),
            owes=True,
        ),
    )


#: Whether what the next saga needs is there.
tide: dict[str, bool] = {}


def look_at_the_tide(run: Run) -> None:
    if not tide["high"]:
        raise NotYet("The tide is low.")


class Sail(Saga):
    kind = "test.away.sail"
    resource_type = "boat"
    steps = (Declared("look", look_at_the_tide),)


@pytest.fixture
def ringer() -> BellRinger:
    return BellRinger()


@pytest.fixture
def lab(tmp_path: Path, ringer: BellRinger) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        made.add_host("h1", {"compute": ringer})
        yield made


def start(saga: type[Saga]) -> Operation:
    with transaction.atomic():
        return saga.start(RequestContext.system(project_id="p"), resource_id="r")


def rounds(lab: Cloud, count: int = 8) -> None:
    """Let more time pass than any number of failures would be given."""
    for _ in range(count):
        lab.pump()
        lab.report()
        lab.pump()
        lab.make_due()
        lab.sweep()


def test_an_order_waits_for_its_host_without_failing(lab: Cloud, ringer: BellRinger) -> None:
    lab.kill_host("h1")
    operation = start(RingBell)
    rounds(lab)
    operation.refresh_from_db()
    row = Step.objects.get(operation=operation)
    assert (operation.state, row.failures, row.error_code) == ("WAITING", 0, "host_down")
    assert (row.error_public, row.progress_text) == ("The host is down.", AWAITED)
    check_invariants()
    lab.add_host("h1", {"compute": ringer})
    lab.settle()
    operation.refresh_from_db()
    row.refresh_from_db()
    assert (operation.state, row.progress_text, row.error_code) == ("DONE", "", "")
    assert ringer.log == ["ring"]


def test_an_order_under_way_waits_too_and_is_given_again(lab: Cloud, ringer: BellRinger) -> None:
    lab.broker.lose = lambda queue, task, _: task == RING.name
    operation = start(RingBell)
    lab.pump()
    assert Step.objects.get(operation=operation).state == "STARTED"
    lab.kill_host("h1")
    Step.objects.update(deadline_at=now())
    rounds(lab)
    row = Step.objects.get(operation=operation)
    assert (row.state, row.failures) == ("STARTED", 0)  # it may have happened: its undo must know
    lab.broker.lose = lambda *_: False
    lab.add_host("h1", {"compute": ringer})
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, ringer.log) == ("DONE", ["ring"])


def test_what_failed_before_its_host_went_down_is_not_forgotten(
    lab: Cloud, ringer: BellRinger
) -> None:
    """It may have happened by half: while the host is waited for it stays what an undo looks at."""
    ringer.broken = True
    operation = start(RingBell)
    lab.pump()
    assert Step.objects.get(operation=operation).state == "FAILED"
    lab.kill_host("h1")
    rounds(lab)
    row = Step.objects.get(operation=operation)
    assert (row.state, row.failures, row.error_code) == ("FAILED", 1, "host_down")
    ringer.broken = False
    lab.add_host("h1", {"compute": ringer})
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, ringer.log) == ("DONE", ["ring", "ring"])


def test_the_deadline_ends_the_wait_in_the_words_of_what_was_waited_for(lab: Cloud) -> None:
    lab.kill_host("h1")
    operation = start(RingBell)
    rounds(lab)
    Operation.objects.filter(id=operation.id).update(deadline_at=now())
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("UNDONE", "host_down")
    assert operation.error_public == "The host is down."


def test_what_is_late_on_a_host_that_answers_is_no_debt(lab: Cloud, ringer: BellRinger) -> None:
    lab.broker.lose = lambda queue, task, _: task == HUSH.name
    operation = start(HushBell)
    for _ in range(6):
        lab.pump()
        lab.report()
        lab.pump()
        Step.objects.filter(state="STARTED").update(deadline_at=now())
        lab.make_due()
        lab.sweep()
    operation.refresh_from_db()
    assert (operation.state, Debt.objects.count(), ringer.log) == ("WAITING", 0, [])
    lab.broker.lose = lambda *_: False
    lab.settle()
    operation.refresh_from_db()
    assert (operation.state, Debt.objects.count(), set(ringer.log)) == ("DONE", 0, {"hush"})


def test_a_step_of_our_own_may_wait_as_well(lab: Cloud) -> None:
    tide["high"] = False
    operation = start(Sail)
    rounds(lab)
    row = Step.objects.get(operation=operation)
    assert (row.state, row.failures, row.error_public) == ("PENDING", 0, "The tide is low.")
    tide["high"] = True
    lab.settle()
    operation.refresh_from_db()
    assert operation.state == "DONE"


HERE = services.topic_here("conductor")


def mark(lab: Cloud) -> None:
    """Put one of our marks between the reports, and let it come out again."""
    services.put_mark(HERE)
    lab.pump()


def silent_for(seconds: float) -> None:
    Service.objects.filter(host="h1").update(last_seen_at=now() - timedelta(seconds=seconds))


def test_silence_counts_only_while_reports_are_read(lab: Cloud) -> None:
    """A broker that stands, or a queue that is long, is not the end of every host."""
    Sweep(("conductor",), Hands(OnTheSpot())).tick()
    control = Service.objects.filter(domain="conductor")
    with time_machine.travel(now(), tick=False) as clock:
        mark(lab)
        silent_for(20)
        clock.shift(20)  # nobody read in these: what the host said waits, or could not be said
        assert services.is_up("h1", "compute")
        mark(lab)
        services.announce_changes()
        assert services.is_up("h1", "compute")
        for _ in range(6):  # it is read again, and the host had a full interval to say something
            clock.shift(5.1)
            mark(lab)
        assert control.get().inbox_read_at == now()
        assert not services.is_up("h1", "compute")


def test_a_queue_that_is_always_late_keeps_no_dead_host_up(lab: Cloud) -> None:
    Sweep(("conductor",), Hands(OnTheSpot())).tick()
    with time_machine.travel(now(), tick=False) as clock:
        mark(lab)
        silent_for(0)
        services.put_mark(HERE)
        for _ in range(11):  # each mark comes out 5 s after it was put: so late is all that is read
            clock.shift(5)
            waiting = list(lab.broker.queues[REPORTS])
            services.put_mark(HERE)
            lab.broker.queues[REPORTS].clear()
            lab.broker.queues[REPORTS].extend(waiting)
            lab.pump()
            services.put_mark(HERE)
        assert not services.is_up("h1", "compute")


def test_after_a_start_of_the_control_plane_hosts_have_time_to_be_heard(lab: Cloud) -> None:
    Sweep(("conductor",), Hands(OnTheSpot())).tick()
    with time_machine.travel(now(), tick=False) as clock:
        mark(lab)
        clock.shift(3600)
        silent_for(3610)
        mark(lab)
        assert services.is_up("h1", "compute")
        clock.shift(31)
        mark(lab)  # the first after another while of not reading
        assert services.is_up("h1", "compute")


def test_a_mark_that_is_not_ours_says_nothing(lab: Cloud) -> None:
    Sweep(("conductor",), Hands(OnTheSpot())).tick()
    mark(lab)
    row = Service.objects.get(domain="conductor")
    forged = {"mark": row.topic, "put_at": 4e9, "sent_at": now().timestamp(), "signature": "00"}
    for message in (forged, {**forged, "topic": REPORTS, "host": "reports"}, {"mark": None}):
        conductor.receive(message)
    assert Service.objects.get(domain="conductor").inbox_read_at == row.inbox_read_at
