"""A host and its orders: stale, doubled, interrupted, unfinished (OPERATIONS 14-22)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, TransientDriverError, Work
from cloudweb.host import HostRuntime
from cloudweb.reports import Notice
from cloudweb.signing import canonical
from tests.builders.toy_host import SIGNER, Later, Stage, Toy, outcome
from tests.infrastructure import PATIENCE, wait_until


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_an_order_is_done_and_answered(stage: Stage) -> None:
    (reply,) = stage.give()
    assert reply["outcome"] == "DONE"
    assert reply["result"] == Toy(name="ball").dump()
    assert (reply["op"], reply["seq"], reply["direction"], reply["attempt"]) == ("op1", 1, "do", 1)
    record = stage.host.book.get("compute:box")
    assert record is not None
    assert (record.state, record.outcome) == ("DONE", "DONE")


def test_a_doubled_order_is_done_once_and_answered_twice(stage: Stage) -> None:
    stage.give()
    (reply,) = stage.give(attempt=2, epoch=6)
    assert (reply["outcome"], reply["attempt"], reply["result"]["data"]) == (
        "DONE",
        2,
        {"name": "ball"},
    )
    assert stage.toys.played == ["ball"]
    record = stage.host.book.get("compute:box")
    assert record is not None
    assert (record.attempt, record.epoch) == (2, 6)


def test_a_failed_order_is_tried_again(stage: Stage) -> None:
    def fail(work: Work) -> None:
        raise TransientDriverError("Not now.", detail="secret")

    stage.toys.does = fail
    (reply,) = stage.give()
    assert reply["outcome"] == "TRANSIENT"
    assert reply["error"] == {
        "code": "driver_error_transient",
        "public": "Not now.",
        "detail": "secret",
    }
    stage.toys.does = lambda work: None
    assert outcome(stage.give(attempt=2)) == ["DONE"]
    assert stage.toys.played == ["ball", "ball"]


def test_final_and_unforeseen_errors(stage: Stage) -> None:
    def final(work: Work) -> None:
        raise DriverError("Never.")

    def bug(work: Work) -> None:
        raise ZeroDivisionError("inner words")

    stage.toys.does = final
    assert outcome(stage.give()) == ["FINAL"]
    stage.toys.does = bug
    (reply,) = stage.give(attempt=2)
    assert reply["outcome"] == "TRANSIENT"
    assert "inner words" not in reply["error"]["public"]
    assert "inner words" in reply["error"]["detail"]


def test_an_older_epoch_is_stale(stage: Stage) -> None:
    stage.give(epoch=9)
    (reply,) = stage.give(op="op0", epoch=8)
    assert (reply["outcome"], reply["epoch"]) == ("STALE", 9)
    assert stage.toys.played == ["ball"]
    assert outcome(stage.give(op="op0", epoch=8, scope="compute:other")) == ["DONE"]


def test_an_order_that_was_cut_off_runs_again_after_a_restart(tmp_path: Path) -> None:
    class Killed(BaseException):
        """The process is gone."""

    first = Stage(tmp_path)

    def die(work: Work) -> None:
        raise Killed

    first.toys.does = die
    with pytest.raises(Killed):
        first.give()
    assert first.replies == []
    second = Stage(tmp_path)
    assert second.host.report().steps == ()  # it does not run in this process
    assert outcome(second.give(attempt=2)) == ["DONE"]
    assert second.toys.played == ["ball"]
    assert outcome(Stage(tmp_path).give(attempt=3)) == ["DONE"]


def test_a_doubled_order_does_not_run_beside_itself(stage: Stage) -> None:
    stage.toys.does = lambda work: stage.toys.played.append(str(outcome(stage.give(attempt=2))))
    (reply,) = stage.give()
    assert stage.toys.played == ["ball", "[]"]
    assert (reply["outcome"], reply["attempt"]) == ("DONE", 2)  # the newest attempt is answered


def test_repeats_of_a_running_and_of_an_ended_order_do_not_lock_each_other_out(
    tmp_path: Path,
) -> None:
    pool = ThreadPoolExecutor(6)
    stage = Stage(tmp_path, pool)
    going = threading.Event()
    stage.toys.does = lambda work: going.wait(PATIENCE) and None
    stage.host.receive(stage.order(op="runs", scope="compute:one"))
    wait_until(lambda: stage.toys.played == ["ball"], what="it runs")
    stage.toys.does = lambda work: None
    stage.host.receive(stage.order(op="ended", scope="compute:two"))
    wait_until(lambda: [r["op"] for r in stage.replies] == ["ended"], what="it ends")
    for attempt in range(2, 302):
        stage.host.receive(stage.order(op="runs", scope="compute:one", attempt=attempt))
        stage.host.receive(stage.order(op="ended", scope="compute:two", attempt=attempt))
    wait_until(lambda: len(stage.replies) == 301, what="the ended one is answered each time")
    going.set()
    pool.shutdown()
    assert stage.replies[-1]["op"] == "runs"
    assert stage.host.report().steps
    assert {one.outcome for one in stage.host.report().steps} == {"DONE"}


def test_who_waits_for_a_guest_keeps_no_thread_from_others(tmp_path: Path) -> None:
    """Twelve guests that ignore a soft stop do not hold up a destroy, and a destroy ends the wait."""
    stage = Stage(tmp_path)
    real = HostRuntime("h1", tmp_path, {"compute": stage.toys}, send=stage._hear)
    stage.host = real
    for number in range(12):
        real.receive(
            stage.order(method="compute.nap", op=f"nap{number}", scope=f"compute:{number}")
        )
    wait_until(lambda: len(real.book.records()) == 12, what="all are waited for")
    real.receive(stage.order(op="play", scope="compute:new"))
    real.receive(stage.order(method="compute.drop", op="drop", scope="compute:other"))
    wait_until(lambda: len(stage.replies) == 2, what="others are served meanwhile")
    for number in range(12):
        scope = f"compute:{number}"
        real.receive(stage.order(method="compute.drop", op=f"end{number}", scope=scope, epoch=9))
    wait_until(lambda: len(stage.replies) == 26, what="each wait ended and its guest is gone")
    assert {one["outcome"] for one in stage.replies if one["op"].startswith("nap")} == {"STALE"}
    real.stop()


def test_a_reply_does_not_hold_up_the_next_order_about_its_scope(stage: Stage) -> None:
    held: list[bool] = []
    send = stage._hear

    def slow_broker(message: dict[str, Any]) -> bool:
        held.append(stage.host.book.scope_lock("compute:box").locked())
        return send(message)

    stage.host.voice.send = slow_broker
    stage.give()
    assert held == [False]


def test_a_newer_order_stops_the_running_one_before_its_next_effect(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    effects: list[str] = []
    began, newer_is_there = threading.Event(), threading.Event()

    def work_long(work: Work) -> None:
        work.checkpoint()
        effects.append("first")
        began.set()
        assert newer_is_there.wait(PATIENCE)
        work.checkpoint()
        effects.append("second")

    stage.toys.does = work_long
    old = threading.Thread(target=stage.give, kwargs={"name": "old"})
    old.start()
    assert began.wait(PATIENCE)
    stage.toys.does = lambda work: effects.append("newer")
    begin = stage.host.book.begin

    def note(record: Any) -> Any:
        written = begin(record)
        newer_is_there.set()
        return written

    stage.host.book.begin = note  # type: ignore[method-assign]
    stage.give(op="op2", epoch=6, name="new")
    old.join(PATIENCE)
    assert effects == ["first", "newer"]
    assert sorted((one["op"], one["outcome"]) for one in stage.replies) == [
        ("op1", "STALE"),
        ("op2", "DONE"),
    ]
    record = stage.host.book.get("compute:box")
    assert record is not None
    assert (record.op, record.state) == ("op2", "DONE")


def test_reports_name_what_waits_runs_and_ended(tmp_path: Path) -> None:
    pool = Later()
    stage = Stage(tmp_path, pool)
    stage.give()
    assert steps(stage) == {("op1", "EXECUTING")}
    seen: list[Any] = []

    def look(work: Work) -> None:
        work.progress(40, "half way " * 100)
        seen.extend(stage.host.report().steps)

    stage.toys.does = look
    pool.run()
    (running,) = seen
    assert (running.outcome, running.progress, len(running.text)) == ("EXECUTING", 40, 200)
    assert steps(stage) == {("op1", "DONE")}
    stage.give(op="op2", scope="compute:other")
    assert steps(stage) == {("op1", "DONE"), ("op2", "EXECUTING")}


def steps(stage: Stage) -> set[tuple[str, str]]:
    return {(one.op, one.outcome) for one in stage.host.report().steps}


def test_old_outcomes_leave_the_report(stage: Stage) -> None:
    from dataclasses import replace

    stage.give()
    record = stage.host.book.get("compute:box")
    assert record is not None
    stage.host.book.write(replace(record, at=record.at - 301))
    assert stage.host.report().steps == ()


def test_facts_stay_until_the_control_plane_has_taken_them(stage: Stage) -> None:
    toys, forgotten = stage.toys, list[str]()
    toys.report = lambda *, full: Toy(name="fell")  # type: ignore[method-assign]
    toys.keeps = lambda part: True  # type: ignore[method-assign]
    toys.reported = lambda part: forgotten.append(part.name)  # type: ignore[method-assign]

    def notice(**facts: Any) -> None:
        wire = {"notice": Notice(now=0, **facts).dump()}
        stage.host.notice(SIGNER.sign(wire, topic="compute.h1"))

    assert [stage.host.report().wants_answer for _ in range(3)] == [True] * 3
    notice(boot_id="another start", heard=3)
    notice(boot_id=stage.host.boot_id, heard=9)
    assert forgotten == []
    stage.host.report()
    notice(boot_id=stage.host.boot_id, heard=4)
    notice(boot_id=stage.host.boot_id, heard=4)  # doubled by the broker
    notice(boot_id=stage.host.boot_id, heard=2)  # overtaken
    assert forgotten == ["fell"]


def test_a_domain_that_cannot_report_does_not_silence_the_host(stage: Stage) -> None:
    def broken(*, full: bool) -> None:
        raise OSError("disk away")

    stage.toys.report = broken  # type: ignore[method-assign]
    report = stage.host.report(init=True)
    assert ([one.domain for one in report.services], report.parts) == (["compute"], {})
    assert len(stage.said) == 1


def test_a_report_says_who_and_in_which_order(stage: Stage) -> None:
    report = stage.host.report(init=True)
    assert report.init is True
    (service,) = report.services
    assert (service.domain, service.speaks["compute.play"]) == ("compute", "1.0")
    stage.host.report()
    assert [one["seq"] for one in stage.said] == [1, 2]
    assert {one["boot_id"] for one in stage.said} == {stage.host.boot_id}


@pytest.mark.parametrize(
    "change",
    [
        {"method": "compute.break"},
        {"method": "os.system"},
        {"payload": None, "signature": "00"},
        {"epoch": 1},
    ],
    ids=str,
)
def test_what_the_cloud_did_not_sign_is_dropped(stage: Stage, change: dict[str, Any]) -> None:
    stage.host.receive({**stage.order(), **change})
    assert (stage.said, stage.toys.played) == ([], [])


@pytest.mark.parametrize("topic", ["compute.h2", "network.h1", "network.h2", "compute.h"])
def test_an_order_for_another_host_or_topic_changes_nothing(tmp_path: Path, topic: str) -> None:
    stage = Stage(tmp_path)
    assert stage.give(topic=topic) == []
    assert stage.give(topic=topic, method="compute.ask", call="c1") == []
    assert (stage.said, stage.toys.played, stage.host.book.records()) == ([], [], [])
    assert outcome(stage.give()) == ["DONE"]  # the same order, for this host


def test_an_order_without_a_host_is_refused(stage: Stage) -> None:
    order = stage.order()
    for name in ("host", "topic", "signature"):
        del order[name]
    key = SIGNER._key
    stage.host.receive({**order, "signature": key.sign(canonical(order)).hex()})
    assert (stage.said, stage.toys.played) == ([], [])


def test_a_welcome_counts_for_its_host_alone_and_an_order_is_none(stage: Stage) -> None:
    welcome = {"notice": Notice(now=0, boot_id=stage.host.boot_id).dump()}
    stage.host.notice(SIGNER.sign(welcome, topic="compute.h2"))
    stage.host.notice(stage.order())
    assert not stage.host.reporter.wait_for_welcome(0)
    stage.host.notice(SIGNER.sign(welcome, topic="compute.h1"))
    assert stage.host.reporter.wait_for_welcome(0)


def test_a_signed_order_for_a_method_it_has_not(stage: Stage) -> None:
    assert stage.give(method="compute.break") == []


def test_a_payload_that_cannot_be_read_is_final(stage: Stage) -> None:
    payload = {**Toy().dump(), "version": "2.0"}
    (reply,) = stage.give(payload=payload)
    assert (reply["outcome"], reply["error"]["code"]) == ("FINAL", "incompatible_object")


def test_questions_are_answered_and_not_recorded(stage: Stage) -> None:
    for name, said in (("ball", "DONE"), ("lost", "FINAL")):
        stage.give(method="compute.ask", call="c1", name=name)
        answer = stage.said[-1]
        body = answer["body"]["data"]
        assert (answer["kind"], body["call"], body["outcome"]) == ("answer", "c1", said)
    assert stage.host.book.records() == []


def test_one_order_that_cannot_be_told_does_not_silence_the_host(stage: Stage) -> None:
    stage.give()
    stage.give(op="op2", scope="compute:odd")
    known = stage.host.book.get("compute:odd")
    assert known is not None
    stage.host.book.write(replace(known, outcome="LIMBO"))
    assert [step.op for step in stage.host.report().steps] == ["op1"]


def test_an_agent_is_told_whose_order_records_were_damaged(tmp_path: Path) -> None:
    Stage(tmp_path).give()
    (tmp_path / "orders" / "compute" / "box.json").write_bytes(b"")
    stage = Stage(tmp_path)
    seen: list[Callable[[], Sequence[str]]] = []
    stage.toys.watch = seen.append  # type: ignore[method-assign]
    stage.host.start()
    stage.host.stop()
    assert [lost() for lost in seen] == [["box"]]
    assert outcome(stage.give()) == ["DONE"]
    assert [lost() for lost in seen] == [[]]
