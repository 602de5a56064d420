"""What a host remembers of its orders, over restarts too."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from cloudweb.orderbook import REMEMBERED, TOMBSTONE_SECONDS, OrderBook, Record
from tests.builders.damage import DAMAGES, aside, damage


def make_record(**overrides: Any) -> Record:
    facts: dict[str, Any] = {
        "scope": "compute:vm",
        "epoch": 7,
        "op": "op1",
        "seq": 1,
        "direction": "do",
        "attempt": 1,
        "boot_id": "b1",
        "state": "EXECUTING",
    }
    return Record(**facts | overrides)


def test_what_began_is_on_disk_before_anything_happens(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    record = book.begin(make_record())
    (path,) = tmp_path.glob("compute/*.json")
    assert json.loads(path.read_text())["state"] == "EXECUTING"
    assert OrderBook(tmp_path).get("compute:vm") == record


def test_the_outcome_outlives_the_process(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    record = book.begin(make_record())
    ended = book.finish(record, "DONE", result={"a": 1}, error={})
    assert ended is not None
    assert OrderBook(tmp_path).get("compute:vm") == ended
    assert (ended.state, ended.outcome, ended.result) == ("DONE", "DONE", {"a": 1})
    failed = book.finish(record, "FINAL", result={}, error={"code": "x"})
    assert failed is not None
    assert (failed.state, failed.outcome) == ("FAILED", "FINAL")


def test_an_outcome_does_not_replace_a_newer_order(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    old = book.begin(make_record())
    new = book.begin(make_record(op="op2", epoch=8))
    assert book.finish(old, "DONE", result={}, error={}) is None
    assert book.get("compute:vm") == new


def test_a_new_attempt_of_the_same_order_keeps_its_number(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    record = book.begin(make_record())
    book.write(replace(record, attempt=3))
    ended = book.finish(record, "DONE", result={}, error={})
    assert ended is not None
    assert ended.attempt == 3


def test_top_epoch(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    assert book.top_epoch() == 0
    book.begin(make_record(epoch=5))
    book.begin(make_record(epoch=9, scope="network:port"))
    assert OrderBook(tmp_path).top_epoch() == 9


def test_old_outcomes_go_but_an_unfinished_order_stays(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    long_ago = time.time() - TOMBSTONE_SECONDS - 1
    book.write(make_record(scope="compute:old", state="DONE", at=long_ago))
    book.write(make_record(scope="compute:unfinished", at=long_ago))
    assert {one.scope for one in OrderBook(tmp_path).records()} == {"compute:unfinished"}


def test_a_host_that_runs_for_long_forgets_old_outcomes_too(tmp_path: Path) -> None:
    book, directory = OrderBook(tmp_path), tmp_path / "compute"
    long_ago = time.time() - TOMBSTONE_SECONDS - 1
    for name, at in (("old", long_ago), ("damaged", long_ago), ("young", time.time())):
        book.write(make_record(scope=f"compute:{name}", state="DONE", outcome="DONE", at=at))
    book.write(make_record(scope="compute:unfinished", at=long_ago))
    book.write(make_record(scope="network:old", state="DONE", outcome="DONE", at=long_ago))
    damage(directory / "damaged.json", "cut")
    for path in tmp_path.glob("*/*.json"):
        if path.stem != "young":
            os.utime(path, (long_ago, long_ago))
    book.forget_old("compute")  # the damaged one is found and set aside
    assert {path.name for path in directory.iterdir()} == {"young.json", "unfinished.json"}
    assert book.lost("compute") == []
    assert (tmp_path / "network" / "old.json").exists()
    book.forget_old("image")  # nothing was ever ordered


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_record_is_set_aside_and_named_until_the_next_order(
    tmp_path: Path, how: str
) -> None:
    book = OrderBook(tmp_path)
    other = book.begin(make_record(scope="compute:other"))
    book.begin(make_record())
    damage(tmp_path / "compute" / "vm.json", how)
    for _ in range(2):
        book = OrderBook(tmp_path)
        assert (book.records(), book.lost("compute"), book.lost("network")) == ([other], ["vm"], [])
    book.begin(make_record())
    assert book.lost("compute") == []
    assert aside(tmp_path) == ["vm.json"]


def test_a_lost_record_is_not_awaited_for_ever(tmp_path: Path) -> None:
    OrderBook(tmp_path).begin(make_record(state="DONE", outcome="DONE"))
    record = tmp_path / "compute" / "vm.json"
    damage(record, "cut")
    long_ago = time.time() - TOMBSTONE_SECONDS - 1
    os.utime(record, (long_ago, long_ago))
    assert OrderBook(tmp_path).lost("compute") == []
    assert list(record.parent.iterdir()) == []


def test_a_record_of_odd_values_or_in_another_place_is_damaged(tmp_path: Path) -> None:
    good = asdict(make_record(state="DONE", outcome="DONE"))
    odd = {
        "epoch": {"epoch": "7"},
        "state": {"state": "MAYBE"},
        "outcome": {"outcome": "EXECUTING"},
        "result": {"result": [1]},
        "error": {"state": "FAILED", "outcome": "FINAL", "error": {"code": 5}},
        "at": {"at": None},
        "elsewhere": {"scope": "compute:vm"},
    }
    (tmp_path / "compute").mkdir()
    for name, wrong in odd.items():
        facts = good | {"scope": f"compute:{name}"} | wrong
        (tmp_path / "compute" / f"{name}.json").write_text(json.dumps(facts))
    book = OrderBook(tmp_path)
    assert (book.records(), book.lost("compute")) == ([], sorted(odd))


@pytest.mark.parametrize(
    "scope", ["compute:../../etc", "compute:", ":x", "x", "a:b/c", "a:.b", ".:b"]
)
def test_a_scope_never_leaves_the_directory(tmp_path: Path, scope: str) -> None:
    with pytest.raises(ValueError, match="not a scope"):
        OrderBook(tmp_path / "orders").begin(make_record(scope=scope))
    assert list(tmp_path.rglob("*.json")) == []


def test_a_scope_has_one_lock(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    assert book.scope_lock("a:b") is book.scope_lock("a:b")
    assert book.scope_lock("a:b") is not book.scope_lock("a:c")


def test_old_outcomes_leave_memory_and_are_still_known(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    long_ago = time.time() - REMEMBERED - 1
    old = make_record(state="DONE", outcome="DONE", epoch=9, at=long_ago)
    running = make_record(scope="compute:running", at=long_ago)
    fresh = make_record(scope="compute:fresh", state="DONE", outcome="DONE")
    for record in (old, running, fresh):
        book.write(record)
    for one in (book, OrderBook(tmp_path)):
        assert sorted(record.scope for record in one.records()) == [fresh.scope, running.scope]
        assert one.get(old.scope) == old
        assert one.top_epoch() == 9
        assert one.get("compute:unknown") is None
    (tmp_path / "compute/vm.json").write_text("torn")
    assert (book.get(old.scope), list(book.lost("compute"))) == (None, ["vm"])


def test_a_churn_leaves_nothing_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = OrderBook(tmp_path)
    for number in range(20):
        with book.scope_lock(f"compute:{number}"):
            begun = book.begin(make_record(scope=f"compute:{number}"))
            book.finish(begun, "DONE", result={}, error={})
    assert len(book.records()) == 20
    later = time.time() + REMEMBERED + 1
    monkeypatch.setattr("cloudweb.orderbook.time.time", lambda: later)
    assert book.records() == []
    assert not book._scope_locks
    assert book.get("compute:3") is not None


def test_a_scope_s_lock_is_the_same_for_all_who_use_it_at_once(tmp_path: Path) -> None:
    book = OrderBook(tmp_path)
    with book.scope_lock("compute:vm"):
        assert book.scope_lock("compute:vm").locked()
    assert not book.scope_lock("compute:vm").locked()
