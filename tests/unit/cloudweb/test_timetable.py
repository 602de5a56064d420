"""A host's periodic tasks: due, paused, asked for, never two of one at once, known after a restart."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudweb.agent import Agent, Function
from cloudweb.driver import DriverError
from cloudweb.periodic import periodic
from cloudweb.reports import Notice, PeriodicSetting, PeriodicState
from cloudweb.rpc import Method
from cloudweb.timetable import Timetable
from tests.infrastructure import PATIENCE, wait_until

NAME = "compute.trim"


class Trimmer(Agent):
    """Counts its runs; fails or waits when told to."""

    def __init__(self) -> None:
        self.runs = 0
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def methods(self) -> Mapping[Method[Any], Function]:
        return {}

    @periodic(every=3600)
    def trim(self) -> None:
        """Trim the sails."""
        self.runs += 1
        self.gate.wait(PATIENCE)
        if self.error:
            raise self.error


class FakeTrimmer(Trimmer):
    """Inherits it."""


@pytest.fixture
def agent() -> Trimmer:
    return FakeTrimmer()


@pytest.fixture
def table(tmp_path: Path, agent: Trimmer) -> Timetable:
    return Timetable(tmp_path / "periodic.json", {"compute": agent})


def state(table: Timetable) -> PeriodicState:
    (found,) = table.news(full=True) or ()
    return found


def make_due(table: Timetable, *, late: float = 0.0) -> None:
    table._tasks[NAME].next_at = time.monotonic() - late


def tick(table: Timetable) -> None:
    """Begin what is due and wait for its end."""
    table.tick()
    wait_until(lambda: not table._tasks[NAME].running, what="the run has ended")


def set_by_operator(table: Timetable, at: float = 1.0, **values: Any) -> None:
    table.follow(Notice(now=at, periodic=(PeriodicSetting(name=NAME, **values),)))


def test_it_runs_when_it_is_due(table: Timetable, agent: Trimmer) -> None:
    assert 3590 < table.tick() <= 3600
    assert agent.runs == 0
    make_due(table)
    tick(table)
    tick(table)
    assert agent.runs == 1
    found = state(table)
    assert (found.name, found.does, found.runs, found.error) == (NAME, "Trim the sails.", 1, "")
    assert found.started_at is not None
    assert found.ended_at is not None
    assert found.started_at <= found.ended_at
    assert 3590 < found.next_in <= 3600


def test_never_two_runs_at_once(table: Timetable, agent: Trimmer) -> None:
    agent.gate.clear()
    make_due(table)
    table.tick()
    wait_until(lambda: agent.runs == 1, what="it runs")
    make_due(table)
    set_by_operator(table, asked=1)
    table.tick()
    assert (agent.runs, state(table).running) == (1, True)
    agent.gate.set()
    wait_until(lambda: not table._tasks[NAME].running, what="the run has ended")
    tick(table)
    assert agent.runs == 2


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ValueError("torn"), "ValueError('torn')"),
        (DriverError("No wind.", detail="at sea"), "No wind. at sea"),
    ],
)
def test_an_error_is_kept_and_the_next_run_comes(
    table: Timetable, agent: Trimmer, error: Exception, shown: str
) -> None:
    agent.error = error
    make_due(table)
    tick(table)
    first = state(table)
    assert (first.error, first.error_at) == (shown, first.ended_at)
    agent.error = None
    make_due(table)
    tick(table)
    assert (state(table).error, state(table).runs) == (shown, 2)


def test_paused_it_rests_and_runs_when_asked(table: Timetable, agent: Trimmer) -> None:
    set_by_operator(table, paused=True)
    make_due(table)
    tick(table)
    assert agent.runs == 0
    set_by_operator(table, paused=True, asked=3)
    tick(table)
    tick(table)
    assert (agent.runs, state(table).answered, state(table).paused) == (1, 3, True)


def test_a_changed_interval_counts_from_the_last_run(table: Timetable, agent: Trimmer) -> None:
    make_due(table)
    tick(table)
    set_by_operator(table, every=7200)
    assert 7190 < state(table).next_in <= 7200
    table._tasks[NAME].started_at = time.time() - 100
    set_by_operator(table, every=60)
    tick(table)
    assert agent.runs == 2


def test_what_is_older_than_what_is_followed_changes_nothing(table: Timetable) -> None:
    set_by_operator(table, at=9.0, every=60)
    set_by_operator(table, at=8.0, paused=True)
    table.follow(Notice(now=10.0))  # about something else
    table.follow(Notice(now=11.0, periodic=(PeriodicSetting(name="compute.other", paused=True),)))
    assert (state(table).every, state(table).paused) == (60, False)


def test_a_restart_forgets_neither_settings_nor_when_it_ran(
    table: Timetable, agent: Trimmer, tmp_path: Path
) -> None:
    set_by_operator(table, every=1000, asked=1)
    tick(table)
    path = tmp_path / "periodic.json"
    kept = json.loads(path.read_text())
    kept[NAME]["started_at"] -= 990
    path.write_text(json.dumps(kept))
    again = Timetable(path, {"compute": agent})
    found = state(again)
    assert (found.every, found.answered) == (1000, 1)
    assert 5 < found.next_in <= 10
    again.tick()
    assert agent.runs == 1  # what was asked for was done
    kept[NAME]["started_at"] = time.time() + 10**6  # the clock went back
    path.write_text(json.dumps(kept))
    assert state(Timetable(path, {"compute": agent})).next_in <= 1000


def test_what_never_ran_is_not_put_off_by_each_restart(
    table: Timetable, agent: Trimmer, tmp_path: Path
) -> None:
    path = tmp_path / "periodic.json"
    kept = json.loads(path.read_text())
    kept[NAME]["known_at"] -= 3500
    path.write_text(json.dumps(kept))
    assert 90 < state(Timetable(path, {"compute": agent})).next_in <= 100


def test_a_damaged_file_is_set_aside(agent: Trimmer, tmp_path: Path) -> None:
    path = tmp_path / "periodic.json"
    good = {"every": None, "paused": False, "answered": 0, "started_at": None, "known_at": 5.0}
    wrong = [
        {"every": 0}, {"every": 1.5}, {"every": "5"}, {"every": True}, {"paused": 2}, {"answered": -1},
        {"answered": None}, {"started_at": "now"}, {"started_at": float("nan")},
        {"known_at": None},
    ]  # fmt: skip
    texts = ["{", "[]", "null", '{"compute.trim": 1}', '{"compute.trim": {}}']
    texts += [json.dumps({NAME: {**good, **one}}) for one in wrong]
    kept = []
    for text in texts:
        path.write_text(text)
        found = state(Timetable(path, {"compute": agent}))
        if path.read_text() == text or (found.every, found.paused) != (None, False):
            kept.append(text)
        path.unlink()
    assert kept == []
    path.write_text(json.dumps({NAME: good}))
    Timetable(path, {"compute": agent})
    assert json.loads(path.read_text()) == {NAME: good}


def test_only_news_is_told(table: Timetable, agent: Trimmer) -> None:
    assert table.news(full=False) is not None
    assert table.news(full=False) is None
    make_due(table)
    tick(table)
    assert table.news(full=False) is not None
    set_by_operator(table, every=10)
    assert table.news(full=False) is not None
    make_due(table)
    tick(table)
    assert table.news(full=False) is None  # one of many runs
    table._told_at -= 61
    assert table.news(full=False) is not None


def test_its_thread_runs_what_is_due_and_ends(table: Timetable, agent: Trimmer) -> None:
    table.start()
    set_by_operator(table, asked=1)
    wait_until(lambda: agent.runs == 1, what="it runs")
    table.stop()
    wait_until(
        lambda: not any(one.name == "timetable" for one in threading.enumerate()), what="it ends"
    )
