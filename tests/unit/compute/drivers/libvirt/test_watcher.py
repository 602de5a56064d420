"""News is what differs from what is known, told once; orders are no news."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cloudweb.driver import TransientDriverError
from compute.drivers.base import GuestNotFound
from compute.drivers.libvirt import watcher as module
from compute.drivers.libvirt.watcher import Watcher
from compute.objects import GuestState, PowerState
from tests.infrastructure import PATIENCE


class Hypervisor:
    """Guests as a dictionary, a watcher over them, and what it told."""

    def __init__(self) -> None:
        self.states: dict[str, PowerState] = {"g1": "running", "g2": "running"}
        self.broken = False
        self.news: list[tuple[str, str]] = []
        self.told = threading.Condition()
        self.watcher = Watcher(get=self.get, look_at_all=self.all)
        self.watcher.start(self.listen, self.all())

    def get(self, guest_id: str) -> GuestState:
        if self.broken:
            raise TransientDriverError
        if guest_id not in self.states:
            raise GuestNotFound
        return GuestState(id=guest_id, name=guest_id, power_state=self.states[guest_id])

    def all(self) -> list[GuestState]:
        return [self.get(guest_id) for guest_id in self.states]

    def listen(self, guest_id: str, power_state: str) -> None:
        with self.told:
            self.news.append((guest_id, power_state))
            self.told.notify_all()

    def expect(self, *news: tuple[str, str]) -> None:
        """Wait until g2's own news came last, which proves that all before it was looked at."""
        with self.told:
            assert self.told.wait_for(lambda: len(self.news) >= len(news), timeout=PATIENCE)
        assert self.news == list(news)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hypervisor]:
    monkeypatch.setattr(module, "PERIOD", 0.05)
    made = Hypervisor()
    yield made
    made.watcher.stop()


def test_an_event_is_news_once(host: Hypervisor) -> None:
    host.states["g1"] = "crashed"
    for _ in range(3):
        host.watcher.event("g1")
    host.watcher.event("a stranger's domain")
    host.states["g2"] = "shutdown"
    host.watcher.event("g2")
    host.expect(("g1", "crashed"), ("g2", "shutdown"))


def test_what_an_order_does_is_no_news_even_when_its_event_is_late(host: Hypervisor) -> None:
    with host.watcher.order("g1"):
        host.states["g1"] = "shutdown"
        host.watcher.event("g1")
    host.watcher.event("g1")
    with host.watcher.order("g1"):
        host.states["g1"] = "running"
    host.watcher.event("g1")
    host.states["g2"] = "paused"
    host.watcher.event("g2")
    host.expect(("g2", "paused"))


def test_a_new_guest_is_watched_and_a_destroyed_one_is_not(host: Hypervisor) -> None:
    with host.watcher.order("g3"):
        host.states["g3"] = "running"
    with host.watcher.order("g1"):
        del host.states["g1"]
    host.watcher.event("g1")
    host.states["g3"] = "crashed"
    host.watcher.event("g3")
    host.expect(("g3", "crashed"))


def test_what_happened_while_events_were_missed_is_found(host: Hypervisor) -> None:
    host.broken = True
    host.watcher.lost()
    host.states["g1"] = "crashed"
    del host.states["g2"]
    host.broken = False
    host.watcher.lost()
    with host.told:
        assert host.told.wait_for(lambda: len(host.news) >= 2, timeout=PATIENCE)
    assert sorted(host.news) == [("g1", "crashed"), ("g2", "shutdown")]
