"""Faults: what is ordered happens, exactly as often as ordered."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from cloudweb.driver import DriverError, Interrupted, TransientDriverError, Unguarded
from cloudweb.faults import Faults
from tests.builders.work import CountedWork
from tests.infrastructure import PATIENCE


def call(faults: Faults, effects: list[str]) -> None:
    with faults.around("spawn", Unguarded()):
        effects.append("spawned")


def test_fails_as_often_as_ordered_and_then_works() -> None:
    faults, effects = Faults(), []
    faults.fail("spawn", times=2)
    for _ in range(2):
        with pytest.raises(TransientDriverError):
            call(faults, effects)
    assert effects == []
    call(faults, effects)
    assert effects == ["spawned"]


def test_a_failure_after_the_effect_leaves_the_effect() -> None:
    faults, effects = Faults(), []
    faults.fail("spawn", transient=False, when="after")
    with pytest.raises(DriverError) as caught:
        call(faults, effects)
    assert not isinstance(caught.value, TransientDriverError)
    assert effects == ["spawned"]


def test_other_methods_do_not_suffer() -> None:
    faults, effects = Faults(), []
    faults.fail("destroy", times=-1)
    call(faults, effects)
    assert effects == ["spawned"]


def test_hangs_until_released() -> None:
    faults, effects = Faults(), []
    faults.hang("spawn")
    thread = threading.Thread(target=call, args=(faults, effects))
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    assert effects == []
    faults.release("spawn")
    thread.join(PATIENCE)
    assert effects == ["spawned"]


def test_a_hanging_call_obeys_a_newer_order() -> None:
    faults = Faults()
    faults.hang("spawn")
    with pytest.raises(Interrupted), faults.around("spawn", CountedWork(allowed=1)):
        pytest.fail("went on")


def test_another_process_orders_by_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    faults, effects = Faults(file), []
    file.write_text(json.dumps({"spawn": {"fail": 1, "transient": False}}))
    with pytest.raises(DriverError):
        call(faults, effects)
    call(faults, effects)
    file.write_text(json.dumps({"spawn": {"fail": -1}}))
    with pytest.raises(TransientDriverError):
        call(faults, effects)
    file.unlink()
    call(faults, effects)
    assert effects == ["spawned", "spawned"]
