"""The hundred after a burst against the first: what each cost, and nothing where one is not complete."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import count
from typing import Any

import pytest

from benchmarks.burst import GOAL_RATIO, PART, Burst, Wave, compared
from benchmarks.processes import Meter


def test_each_hundred_is_measured_by_itself() -> None:
    first = Wave(asked=100, active=100, seconds=5, cpu_ms=6000)
    last = Wave(asked=100, active=100, seconds=20, cpu_ms=9000)
    found = {figure.what: figure.value for figure in compared(first, last)}
    assert found == {
        "CPU for each of the first hundred": 60,
        "CPU for each of a hundred after them": 90,
        "CPU, against the first": 1.5,
        "Time for each of the first hundred": 50,
        "Time for each of a hundred after them": 200,
        "Time, against the first": 4,
    }
    judged = [figure.line().rpartition(" ")[2] for figure in compared(first, last) if figure.goal]
    assert (GOAL_RATIO, judged) == (2, ["met", "MISSED"])
    for one, other in ((first, Wave(100, 99, 5, 1)), (Wave(100, 0, 5, 1), last)):
        assert not [*compared(one, other)]


class AtOnce(Executor):
    """A pool that does each thing when it is asked for."""

    def submit(self, job: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done = Future[Any]()
        done.set_result(job(*args, **kwargs))
        return done


class Cloud(Burst):
    """A cloud whose servers cost 2 ms each, and 3 ms for every one that is there already."""

    fails = False

    def __init__(self) -> None:
        self.meter = Meter.__new__(Meter)
        self.servers, self.errors, self.work, self.to_tell = 0, 0, 0, 0
        self._numbers = count()

    def create(self, number: int) -> str:
        self.work += 2 + 3 * self.servers
        self.servers += 1
        self.to_tell, self.errors = 1, int(self.fails)
        return ""

    def ended(self) -> tuple[int, int]:
        return self.servers - self.errors, self.servers

    def unfinished(self) -> int:
        told, self.to_tell = self.to_tell, 0
        self.work += 500 * told  # what neighbours are told counts too
        return told


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(made.meter, "cpu_ms", lambda: made.work)
    monkeypatch.setattr("benchmarks.burst.time.sleep", lambda _: None)
    monkeypatch.setattr("benchmarks.burst.ThreadPoolExecutor", lambda _: AtOnce())
    return made


def test_a_wave_costs_what_was_done_since_the_one_before(cloud: Cloud) -> None:
    waves = [cloud.wave(wanted, patience=60) for wanted in (PART, 7, PART)]
    assert [(wave.asked, wave.active) for wave in waves] == [(PART, PART), (7, 7), (PART, PART)]
    assert sum(wave.cpu_ms for wave in waves) == cloud.work
    for wave, already in ((waves[0], 0), (waves[2], PART + 7)):
        own = sum(2 + 3 * (already + number) for number in range(PART))
        assert wave.cpu_ms == own + 500


def test_a_wave_with_an_error_is_compared_with_nothing(cloud: Cloud) -> None:
    first = cloud.wave(3, patience=60)
    cloud.fails = True
    last = cloud.wave(3, patience=60)
    assert (last.asked, last.active) == (3, 2)
    assert not [*compared(first, last)]
