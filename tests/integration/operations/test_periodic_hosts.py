"""A host's periodic tasks are shown, and follow what operators set, whatever is lost on the way."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudweb.agent import Agent, Function
from cloudweb.context import RequestContext
from cloudweb.periodic import periodic
from cloudweb.reports import PeriodicState
from cloudweb.rpc import Method
from operations import joining, services
from operations.models import PeriodicTask
from operations.periodic import hosts
from operations.periodic.manager import PeriodicTaskManager
from operations.testing import Cloud, cloud
from operations.testing.memory import doorbell_quiet
from tests.infrastructure import wait_until

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]
NAME = "compute.trim"


class Trimmer(Agent):
    """Counts its runs."""

    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = None

    def methods(self) -> Mapping[Method[Any], Function]:
        return {}

    @periodic(every=3600)
    def trim(self) -> None:
        """Trim the sails."""
        self.runs += 1
        if self.error:
            raise self.error


@pytest.fixture
def trimmer() -> Trimmer:
    return Trimmer()


@pytest.fixture
def lab(tmp_path: Path, trimmer: Trimmer) -> Iterator[Cloud]:
    with cloud(tmp_path) as made:
        made.add_host("h1", {"compute": trimmer})
        yield made


@pytest.fixture
def manager(lab: Cloud) -> PeriodicTaskManager:
    return PeriodicTaskManager(RequestContext.system())


def row() -> PeriodicTask:
    return PeriodicTask.objects.get(name=NAME, host="h1")


def tick(lab: Cloud) -> None:
    """Let the host begin what is due, wait for its end, and report."""
    table = lab.hosts["h1"].timetable
    table.tick()
    wait_until(lambda: not table._tasks[NAME].running, what="the run has ended")
    lab.report()
    lab.pump()


def test_a_host_says_what_it_runs_and_how_that_went(lab: Cloud, trimmer: Trimmer) -> None:
    found = row()
    assert (found.does, found.interval, found.runs) == ("Trim the sails.", 3600, 0)
    trimmer.error = ValueError("torn")
    lab.hosts["h1"].timetable._tasks[NAME].next_at = time.monotonic()
    tick(lab)
    found = row()
    assert (found.runs, found.error, found.owner) == (1, "ValueError('torn')", "")
    assert found.ended_at is not None
    assert found.started_at is not None
    assert found.seconds is not None
    assert found.next_at is not None


def test_it_follows_what_operators_set(
    lab: Cloud, trimmer: Trimmer, manager: PeriodicTaskManager
) -> None:
    manager.change(row().id, every=60, paused=True)
    manager.run_now(row().id)
    lab.pump()
    tick(lab)
    tick(lab)
    found = row()
    assert (trimmer.runs, found.answered, found.paused, found.interval) == (1, 1, True, 60)
    assert not lab.hosts["h1"].timetable.news(full=False)


def test_settings_that_were_lost_are_told_after_the_next_report(
    lab: Cloud, trimmer: Trimmer, manager: PeriodicTaskManager
) -> None:
    lab.broker.is_down = True
    manager.change(row().id, every=60, paused=False)
    manager.run_now(row().id)
    doorbell_quiet()
    lab.broker.is_down = False
    table = lab.hosts["h1"].timetable
    table._told_at = float("-inf")
    lab.report()
    lab.pump()
    tick(lab)
    assert (trimmer.runs, table._tasks[NAME].every) == (1, 60)
    lab.report()
    lab.pump()
    assert row().answered == 1


def test_a_host_that_comes_back_is_told(
    lab: Cloud, trimmer: Trimmer, manager: PeriodicTaskManager
) -> None:
    lab.kill_host("h1")
    manager.pause(row().id, paused=True)
    manager.run_now(row().id)
    lab.pump()
    lab.add_host("h1", {"compute": trimmer})
    tick(lab)
    assert (trimmer.runs, row().paused, row().answered) == (1, True, 1)
    lab.add_host("h1", {"compute": trimmer})  # once more: what was asked for was done
    tick(lab)
    assert trimmer.runs == 1


def test_settings_are_no_welcome(lab: Cloud) -> None:
    """A host starts its guests after the answer to its first report; the debts come before that one."""
    host = lab.hosts["h1"]
    host.reporter._welcome.clear()
    hosts.tell("h1")
    lab.pump()
    assert not host.reporter.wait_for_welcome(0)


def test_a_host_is_believed_about_its_own_tasks_alone(lab: Cloud) -> None:
    PeriodicTask.objects.create(name=NAME, host="h2", default_every=7)
    PeriodicTask.objects.create(name="image.reap", default_every=7)
    said = [
        PeriodicState(name=name, does="x", default_every=1)
        for name in ("image.reap", "network.repair", "compute.", "compute.x" * 30, "compute.a b")
    ]
    said.append(PeriodicState(name="compute.never", does="x", default_every=0))
    said.append(
        PeriodicState(
            name="compute.odd", does="x" * 999, default_every=1, started_at=1e300, next_in=1e300,
            runs=10**30, answered=-5, error="e\0\udcff" * 9999, seconds=1e300,
        )
    )  # fmt: skip
    said += [PeriodicState(name=f"compute.t{n}", does="x", default_every=1) for n in range(300)]
    hosts.note("h1", {"compute"}, said)
    names = set(PeriodicTask.objects.filter(host="h1").values_list("name", flat=True))
    assert len(names) == 94
    assert {name for name in names if not name.startswith("compute.t")} == {"compute.odd"}
    others = PeriodicTask.objects.exclude(host="h1").values_list("host", "name", "default_every")
    assert set(others) == {("h2", NAME, 7), ("", "image.reap", 7)}
    assert PeriodicTask.objects.get(name="compute.odd").started_at is None


def test_what_a_host_has_no_more_is_gone(lab: Cloud) -> None:
    PeriodicTask.objects.create(name="network.repair", host="h1", default_every=7)
    hosts.note("h1", {"compute"}, [])
    assert [one.name for one in PeriodicTask.objects.filter(host="h1")] == ["network.repair"]
    services.forget("h1", "network")
    assert not PeriodicTask.objects.filter(host="h1").exists()
    lab.hosts["h1"].timetable._told_at = float("-inf")
    lab.report()
    lab.pump()
    assert row()
    joining.withdraw_host("h1")
    assert not PeriodicTask.objects.filter(host="h1").exists()


def test_an_idle_report_costs_nothing_more(lab: Cloud) -> None:
    lab.report()  # all there is, as it was asked for
    lab.pump()
    assert lab.hosts["h1"].report().periodic is None
