"""Orders are judged and recorded when they arrive, before a thread is free (OPERATIONS 45)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cloudweb.orderbook import OrderBook
from cloudweb.reports import Notice
from cloudweb.shares import PLACES
from tests.builders.toy_host import SIGNER, Later, Stage, outcome
from tests.infrastructure import PATIENCE, wait_until

BUSY = PLACES["ordinary"]


@pytest.fixture
def pool() -> Later:
    return Later()


@pytest.fixture
def stage(tmp_path: Path, pool: Later) -> Stage:
    """A host all of whose ordinary threads are taken."""
    made = Stage(tmp_path, pool)
    for number in range(BUSY):
        made.give(op=f"busy{number}", scope=f"compute:busy{number}")
    assert len(pool.jobs) == BUSY
    return made


def said_of(stage: Stage, op: str) -> list[tuple[str, bool, int | None]]:
    steps = stage.host.report().steps
    return [(one.outcome, one.queued, one.attempt) for one in steps if one.op == op]


def test_one_that_waits_for_its_turn_is_recorded_and_called_queued(
    stage: Stage, pool: Later, tmp_path: Path
) -> None:
    assert stage.give() == []
    assert len(pool.jobs) == BUSY  # it holds no thread
    assert said_of(stage, "op1") == [("EXECUTING", True, 1)]
    assert said_of(stage, "busy0") == [("EXECUTING", False, 1)]
    record = OrderBook(tmp_path / "orders").get("compute:box")
    assert record is not None
    assert (record.op, record.epoch, record.state) == ("op1", 5, "EXECUTING")
    assert outcome(stage.give(op="op0", epoch=4)) == ["STALE"]
    pool.run()
    assert said_of(stage, "op1") == [("DONE", False, 1)]


def test_a_repeat_joins_one_that_waits_and_what_was_said_last_is_done(
    stage: Stage, pool: Later
) -> None:
    stage.give(name="old")
    assert stage.give(attempt=2, epoch=6, name="new") == []
    assert said_of(stage, "op1") == [("EXECUTING", True, 2)]
    pool.run()
    (reply,) = [one for one in stage.replies if one["op"] == "op1"]
    assert (reply["outcome"], reply["attempt"], stage.toys.played[-1]) == ("DONE", 2, "new")
    assert stage.toys.played.count("new") + stage.toys.played.count("old") == 1


def test_a_destroy_supersedes_one_that_waits_without_waiting_for_a_thread(
    stage: Stage, pool: Later
) -> None:
    stage.give(name="never")
    (reply,) = stage.give(method="compute.drop", op="op2", epoch=6)
    assert (reply["op"], reply["outcome"], reply["epoch"]) == ("op1", "STALE", 6)
    assert len(pool.jobs) == BUSY + 1  # threads that ordinary orders never take
    assert said_of(stage, "op1") == []
    pool.run()
    assert "never" not in stage.toys.played
    assert said_of(stage, "op2") == [("DONE", False, 1)]


def test_threads_that_hang_keep_nobody_out_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "0.001")
    stage, hang = Stage(tmp_path, ThreadPoolExecutor(80)), threading.Event()
    stage.toys.does = lambda work: hang.wait(PATIENCE) and None
    for number in range(2 * BUSY):
        stage.give(op=f"hangs{number}", scope=f"compute:{number}", name="hangs")
    wait_until(lambda: len(stage.toys.played) == BUSY, what="all places are taken")
    stage.give()

    def play_is_reached() -> bool:
        stage.host.shares.look()
        return "ball" in stage.toys.played

    wait_until(play_is_reached, what="they leave their places")
    assert stage.toys.played.count("hangs") == 2 * BUSY
    hang.set()
    wait_until(lambda: len(stage.replies) == 2 * BUSY + 1, what="nothing is lost")


def test_one_whose_outcome_could_not_be_written_is_not_called_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path)
    finish = stage.host.book.finish

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stage.host.book, "finish", full)
    assert stage.give() == []
    assert said_of(stage, "op1") == []  # so that it is ordered again
    monkeypatch.setattr(stage.host.book, "finish", finish)
    assert outcome(stage.give(attempt=2)) == ["DONE"]


def test_one_that_ends_while_a_report_is_made_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = Later()
    stage = Stage(tmp_path, pool)
    stage.give()
    records = stage.host.book.records

    def then_it_ends() -> Any:
        found = records()
        pool.run()
        return found

    monkeypatch.setattr(stage.host.book, "records", then_it_ends)
    assert said_of(stage, "op1") == [("DONE", False, 1)]


def test_arrivals_reports_and_ends_do_not_lock_each_other_out(tmp_path: Path) -> None:
    """One order of locks: scope, book, runtime or shares (OPERATIONS 50)."""
    stage, scopes, rounds = Stage(tmp_path, ThreadPoolExecutor(16)), 4, 25
    stage.toys.does = lambda work: work.checkpoint()
    given = [
        {"op": f"op{turn}", "scope": f"compute:{scope}", "epoch": 5 + turn, "attempt": attempt}
        for turn in range(rounds)
        for scope in range(scopes)
        for attempt in (1, 2)
    ]
    with ThreadPoolExecutor(6) as arriving:
        looks = [arriving.submit(stage.host.report) for _ in range(rounds)]
        looks += [arriving.submit(stage.host.shares.look) for _ in range(rounds)]
        taken = [arriving.submit(stage.host.receive, stage.order(**one)) for one in given]
        for one in [*looks, *taken]:
            one.result(PATIENCE)
    newest = f"op{rounds - 1}"

    def all_ended() -> bool:
        ended = {(one.op, one.outcome) for one in stage.host.report().steps}
        rests = not stage.host._works and not stage.host.shares._running
        return rests and ended == {(newest, "DONE")}

    wait_until(all_ended, what="the newest order of each scope is done, and nothing else is held")
    assert {one["outcome"] for one in stage.replies} <= {"DONE", "STALE"}


def notice(stage: Stage, now: float, **facts: Any) -> None:
    wire = {"notice": Notice(now=now, **facts).dump()}
    stage.host.notice(SIGNER.sign(wire, topic="compute.h1"))


def test_a_report_says_up_to_which_notice_the_queue_is_taken(stage: Stage) -> None:
    said = []
    for now in (None, 20.0, 10.0):  # the clock went back
        if now is not None:
            notice(stage, now)
        said.append(stage.host.report().taken)
    assert said == [{"compute": 0.0}, {"compute": 20.0}, {"compute": 10.0}]


def test_a_host_that_is_asked_reports_at_once(stage: Stage) -> None:
    for asks in (False, True):
        notice(stage, 20.0, asks=asks)
        assert stage.host.reporter.is_awaited() == asks


def test_a_notice_counts_once_what_came_before_it_is_recorded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, taken = stage.host.book.begin, []

    def slowly(record: Any) -> Any:
        notice(stage, 20.0)  # another thread read it meanwhile
        taken.append(stage.host.taken.times()["compute"])
        return begin(record)

    monkeypatch.setattr(stage.host.book, "begin", slowly)
    stage.give()
    assert taken == [0.0]
    assert stage.host.report().taken == {"compute": 20.0}
