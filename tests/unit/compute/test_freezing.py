"""What is frozen is thawed: by order, by the host's own clock, at its start, and after each failure."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cloudweb.driver import Interrupted, Unguarded
from cloudweb.image_cache.cache import ImageCache
from compute import freezing
from compute.agent import ComputeAgent
from compute.drivers.fake import FakeDriver
from compute.objects import FreezeRequest, FreezeState, GuestSpec, PowerOffRequest, ThawRequest
from tests.builders.guests import make_guest, make_reboot, ref
from tests.builders.work import CountedWork

WORK = Unguarded()


class Host:
    """A host with a guest that has an agent; a process of it can die."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.start()
        self.guest: GuestSpec = make_guest(guest_agent=True)
        self.agent.spawn(self.guest, WORK)

    def start(self) -> None:
        """Let a new process take over."""
        self.driver = FakeDriver(self.directory, "h1")
        cache = ImageCache(self.directory / "images", 1 << 30)
        self.agent = ComputeAgent(self.driver, cache, self.directory)
        self.agent.init_host()

    def freeze(self, wish: str = "w", work: Any = WORK) -> FreezeState:
        request = FreezeRequest(id=self.guest.id, name=self.guest.name, wish=wish, seconds=20)
        return self.agent.freeze(request, work)

    def thaw(self, wish: str = "w") -> FreezeState:
        request = ThawRequest(id=self.guest.id, name=self.guest.name, wish=wish)
        return self.agent.thaw(request, WORK)

    @property
    def is_frozen(self) -> bool:
        return self.driver.is_frozen(self.guest.id)

    def records(self) -> list[str]:
        return [path.name for path in (self.directory / "frozen").iterdir()]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let so much time have passed."""
    then = time.monotonic() + seconds
    monkeypatch.setattr(freezing.time, "monotonic", lambda: then)


def test_a_guest_is_frozen_until_it_is_thawed(host: Host) -> None:
    assert [host.freeze().held for _ in range(2)] == [True, True]
    host.agent.thaw_overdue()
    assert host.is_frozen
    assert host.thaw().held
    assert (host.is_frozen, host.records()) == (False, [])
    again = host.thaw()
    assert (again.held, again.reason) == (False, freezing.GONE)


def test_the_host_thaws_when_nobody_says_so_in_time(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.freeze()
    later(monkeypatch, 21)
    assert "20 seconds" in host.freeze().reason  # asked again, too late
    host.agent.thaw_overdue()
    assert (host.is_frozen, host.records(), host.thaw().held) == (False, [], False)


def test_thawed_by_order_after_its_time_it_was_not_held(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's clock had not come round yet, but what it promised is over."""
    host.freeze()
    later(monkeypatch, 21)
    said = host.thaw()
    assert (said.held, host.is_frozen) == (False, False)
    assert "20 seconds" in said.reason


def test_a_new_process_thaws_what_the_one_before_froze(host: Host) -> None:
    host.freeze()
    host.start()
    assert (host.is_frozen, host.records(), host.thaw().held) == (False, [], False)


def test_a_guest_that_does_not_let_itself_be_thawed_is_asked_again_and_told_of(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.freeze()
    host.driver.faults.fail("thaw", times=2)
    later(monkeypatch, 60)
    host.agent.thaw_overdue()
    assert host.is_frozen
    assert host.guest.id in host.agent.problems()[0]
    with pytest.raises(Exception, match="Ordered to fail"):
        host.thaw()
    host.agent.thaw_overdue()
    assert (host.is_frozen, list(host.agent.problems())) == (False, [])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_freeze_that_fails_leaves_nothing_frozen_and_says_why(host: Host, when: Any) -> None:
    host.driver.faults.fail("freeze", when=when, message="It does not answer.")
    said = host.freeze()
    assert (said.held, said.reason) == (False, "It does not answer.")
    assert (host.is_frozen, host.records()) == (False, [])
    assert not host.thaw().held


def test_a_freeze_that_may_have_come_after_all_is_undone_and_was_none(host: Host) -> None:
    """Its agent answers neither to the freeze nor to the thaw, and froze the guest."""
    for _ in range(2):  # the order may come again
        host.driver.faults.fail("freeze", when="after", message="It does not answer.")
        host.driver.faults.fail("thaw")
        assert (host.freeze().held, host.is_frozen) == (False, True)
    host.agent.thaw_overdue()
    assert (host.is_frozen, host.records()) == (False, [])
    assert host.freeze().held
    assert host.is_frozen


def test_a_freeze_that_is_broken_off_leaves_nothing_frozen(host: Host) -> None:
    for passed in range(3):
        with pytest.raises(Interrupted):
            host.freeze(work=CountedWork(passed))
        assert (host.is_frozen, host.records()) == (False, [])
        if passed == 1:
            break


def test_what_happened_to_the_guest_in_between_is_no_freeze(host: Host) -> None:
    """Another wish, a reboot, a guest that is off or gone: each is thawed, and was not held."""
    host.freeze("one")
    assert not host.thaw("another").held
    found = []
    for happens in (
        lambda: host.agent.reboot(make_reboot(host.guest, spec=host.guest), WORK),
        lambda: host.agent.power_off(
            PowerOffRequest(id=host.guest.id, name=host.guest.name, timeout=0), WORK
        ),
    ):
        assert host.freeze().held
        happens()
        found.append((host.thaw().held, host.records()))
    assert found == [(False, [])] * 2
    assert "agent" in host.freeze().reason
    host.driver.destroy(ref(host.guest), work=WORK)
    assert (host.freeze().held, host.thaw().held, host.records()) == (False, False, [])
