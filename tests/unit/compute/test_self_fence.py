"""A host that hears nothing stops its guests in time, and starts again what is still its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import DriverError, Unguarded
from cloudweb.image_cache.cache import ImageCache
from compute.agent import ComputeAgent
from compute.drivers.fake import FakeDriver
from compute.objects import GuestRef, GuestSpec

LIMIT = 100
FIRST, SECOND = (f"0000000{n}-0000-4000-8000-000000000000" for n in (1, 2))


class Machine:
    """A host with a clock that the test moves; ``start`` is a start of its agent."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory, self.time, self.owes, self.boot = directory, 1000.0, False, "boot-1"
        monkeypatch.setattr("compute.self_fence.clock", lambda: self.time)
        monkeypatch.setattr("compute.agent._boot_id", lambda: self.boot)
        self.driver = FakeDriver(directory, "h1")
        self.start()

    def start(self, limit: int = LIMIT) -> None:
        cache = ImageCache(self.directory / "images", 1 << 20)
        self.agent = ComputeAgent(self.driver, cache, self.directory, self_fence=limit)
        self.agent.owing(lambda: self.owes)
        self.agent.init_host()
        self.agent.start_guests(lambda scope: contextlib.nullcontext())

    def spawn(self, *ids: str) -> None:
        for one in ids:
            spec = GuestSpec(id=one, name=f"guest-{one[7]}", project_id="p", vcpus=1, ram=64)
            self.agent.spawn(spec, Unguarded())

    def after(self, seconds: float) -> None:
        self.time += seconds
        self.agent.keep_lease()

    @property
    def powers(self) -> list[str]:
        return [one.power_state for one in self.driver.list()]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_silence_stops_all_guests_and_an_answer_starts_them(machine: Machine) -> None:
    machine.spawn(FIRST, SECOND)
    machine.agent.answered(machine.time)
    machine.after(LIMIT - 1)
    assert machine.powers == ["running", "running"]
    machine.after(1)
    assert machine.powers == ["shutdown", "shutdown"]
    report = machine.agent.report(full=True)
    assert report.inventory is not None
    assert report.inventory.self_fence == LIMIT
    assert {one.power_state for one in report.changes} == {"shutdown"}
    machine.agent.answered(machine.time)
    machine.after(5)
    assert machine.powers == ["running", "running"]


def test_what_counts_is_when_the_answered_report_was_sent(machine: Machine) -> None:
    machine.spawn(FIRST)
    machine.time += LIMIT
    machine.agent.answered(machine.time - LIMIT / 2)  # the answer came late
    machine.after(LIMIT / 2)
    assert machine.powers == ["shutdown"]


def test_a_guest_that_was_moved_is_not_started_again(machine: Machine) -> None:
    machine.spawn(FIRST, SECOND)
    machine.after(LIMIT)
    machine.agent.answered(machine.time)
    machine.owes = True  # the order to destroy it has come and waits for its turn
    machine.after(5)
    assert machine.powers == ["shutdown", "shutdown"]
    machine.agent.destroy(GuestRef(id=FIRST, name="guest-1"), Unguarded())
    machine.owes = False
    machine.after(5)
    assert machine.powers == ["running"]


def test_the_time_goes_on_where_the_agent_is_started_again(machine: Machine) -> None:
    machine.spawn(FIRST)
    machine.agent.answered(machine.time)
    machine.time += LIMIT - 1
    machine.start()
    machine.after(1)
    assert machine.powers == ["shutdown"]
    machine.start()  # and so does what was stopped
    machine.agent.answered(machine.time)
    machine.after(1)
    assert machine.powers == ["running"]


def test_after_a_reboot_nothing_starts_before_somebody_answered(machine: Machine) -> None:
    machine.spawn(FIRST)
    machine.driver.power_off(
        GuestRef(id=FIRST, name="guest-1"), timeout=0, work=Unguarded()
    )  # by the reboot: the agent was not asked
    machine.boot, machine.time = "boot-2", 10.0
    machine.start()
    machine.after(5)
    assert machine.powers == ["shutdown"]
    machine.agent.answered(machine.time)
    machine.after(5)
    assert machine.powers == ["running"]


def test_a_guest_that_cannot_be_stopped_is_tried_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.spawn(FIRST)
    tries: list[Any] = []
    real: Callable[..., Any] = machine.driver.power_off

    def power_off(*args: Any, **kwargs: Any) -> Any:
        tries.append(args)
        if len(tries) == 1:
            raise DriverError
        return real(*args, **kwargs)

    monkeypatch.setattr(machine.driver, "power_off", power_off)
    machine.after(LIMIT)
    assert machine.powers == ["running"]
    machine.after(5)
    assert machine.powers == ["shutdown"]


def test_without_the_setting_silence_means_nothing(machine: Machine) -> None:
    machine.spawn(FIRST)
    machine.start(limit=0)
    machine.after(10 * LIMIT)
    assert machine.powers == ["running"]
    assert not machine.agent.needs_answers
