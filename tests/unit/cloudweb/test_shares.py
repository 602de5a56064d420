"""Fair shares of threads: by lane, by domain, and for those that take long."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from cloudweb.shares import PLACES, Job, Kind, Shares

ORDINARY = PLACES["ordinary"]


class Threads:
    """A pool whose jobs run when a test says so."""

    def __init__(self) -> None:
        self.given: list[Callable[[], Any]] = []
        self.refuses = False

    def submit(self, job: Callable[..., Any], /, *args: Any) -> None:
        if self.refuses:
            raise RuntimeError("can't start new thread")
        self.given.append(partial(job, *args))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass

    def end_first(self) -> None:
        self.given.pop(0)()


class Desk:
    """Shares of two domains, and who ran."""

    def __init__(self) -> None:
        self.threads = Threads()
        self.shares = Shares(("compute", "network"), self.threads)
        self.ran: list[str] = []

    def give(self, name: str, lane: str = "", kind: Kind = "ordinary") -> Job:
        domain = name.partition(":")[0]
        job = Job(kind, domain, lane or name, lambda: self.ran.append(name))
        self.shares.submit(job)
        return job

    @property
    def holding(self) -> int:
        return len(self.threads.given)

    def end_all(self) -> list[str]:
        while self.threads.given:
            self.threads.end_first()
        return self.ran


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_one_busy_network_takes_one_thread(desk: Desk) -> None:
    for number in range(20):
        desk.give(f"network:port{number}", lane="network:busy")
    assert desk.holding == 1
    desk.give("network:other")
    desk.give("compute:vm")
    assert desk.holding == 3
    ran = desk.end_all()
    assert ran[:3] == ["network:port0", "network:other", "compute:vm"]
    assert [one for one in ran if "port" in one] == [f"network:port{n}" for n in range(20)]


def test_a_domain_leaves_a_thread_to_every_other(desk: Desk) -> None:
    for number in range(20):
        desk.give(f"compute:{number}")
    assert desk.holding == ORDINARY - 1
    desk.give("network:a")
    desk.give("network:b")
    assert desk.holding == ORDINARY
    for _ in range(ORDINARY + 2):
        desk.threads.end_first()
    assert desk.ran[ORDINARY - 1] == "network:a"
    assert "network:b" in desk.ran  # turns go round between domains, however many wait


def test_turns_go_round_between_lanes(desk: Desk) -> None:
    desk.give("network:first", lane="network:long")
    for number in range(5):
        desk.give(f"network:long{number}", lane="network:long")
    for number in range(ORDINARY + 3):
        desk.give(f"network:lane{number}")
    ran = desk.end_all()
    assert ran.index("network:long4") == len(ran) - 1
    assert len(ran) == ORDINARY + 9


def test_the_urgent_have_threads_of_their_own_and_wait_for_their_lane(desk: Desk) -> None:
    for number in range(20):
        desk.give(f"compute:{number}")
    before = desk.holding
    desk.give("compute:destroy", lane="compute:0", kind="urgent")  # its spawn is under way
    assert desk.holding == before
    for number in range(3):
        desk.give(f"compute:urgent{number}", kind="urgent")
    assert desk.holding == before + PLACES["urgent"]
    desk.threads.end_first()
    desk.threads.end_first()
    assert desk.end_all().index("compute:destroy") < 20 + 4


def test_who_takes_long_leaves_its_place_and_counts_among_the_patient(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        desk.give(f"compute:{number}")
    assert desk.holding == ORDINARY - 1
    desk.shares.look()
    assert desk.holding == ORDINARY - 1  # nobody takes long yet
    monkeypatch.setenv("CLOUDWEB_TIME_SCALE", "0")
    desk.shares.look()
    assert desk.holding == 2 * (ORDINARY - 1)
    for _ in range(50):
        desk.shares.look()
    assert desk.holding == PLACES["patient"] + ORDINARY - 1  # bounded all the same
    monkeypatch.delenv("CLOUDWEB_TIME_SCALE")
    assert len(desk.end_all()) == 300
    assert (desk.shares._running, +desk.shares._taken, +desk.shares._ordinary) == ({}, {}, {})


def test_one_that_has_not_begun_can_be_taken_back(desk: Desk) -> None:
    first, second = (desk.give(f"compute:{n}", lane="compute:vm") for n in range(2))
    third = desk.give("compute:2", lane="compute:vm")
    assert [desk.shares.withdraw(job) for job in (first, second, second)] == [False, True, False]
    assert desk.end_all() == ["compute:0", "compute:2"]
    assert not desk.shares.withdraw(third)


def test_no_thread_to_be_had_costs_time(desk: Desk) -> None:
    desk.threads.refuses = True
    waits = desk.give("compute:a", lane="compute:vm")
    desk.give("compute:b", lane="compute:vm")
    assert (desk.holding, waits.began) == (0, None)
    desk.threads.refuses = False
    desk.shares.look()
    assert desk.end_all() == ["compute:a", "compute:b"]


def test_the_end_begins_nothing_more(desk: Desk) -> None:
    for number in range(9):
        desk.give(f"compute:{number}")
    desk.shares.stop()
    assert len(desk.end_all()) == ORDINARY - 1
