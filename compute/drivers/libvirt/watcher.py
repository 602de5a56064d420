"""Notices what guests do by themselves."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from cloudweb.driver import DriverError
from compute.drivers.base import GuestListener, GuestNotFound
from compute.objects import GuestState

log = structlog.get_logger(__name__)
PERIOD = 5.0


class Watcher:
    """A thread that compares guests with what is known of them.

    libvirt's events and broken connections only say *look*; the news is the difference between what
    a guest was and what it is, so nothing is told twice, and nothing is missed by a gap in events. A
    guest under an order of ours is not looked at: what happens to it was ordered.
    """

    def __init__(
        self,
        *,
        get: Callable[[str], GuestState],
        look_at_all: Callable[[], list[GuestState]],
    ) -> None:
        self._get, self._look_at_all = get, look_at_all
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        self._ordered: Counter[str] = Counter()
        self._lost = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: GuestListener = lambda guest_id, power_state: None

    def start(self, listener: GuestListener, guests: list[GuestState]) -> None:
        """Tell ``listener`` from now on what differs from ``guests``."""
        self._listener = listener
        with self._lock:
            self._known = {guest.id: guest.power_state for guest in guests}
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="guests", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._news.put(None)
            thread.join(timeout=10)

    def event(self, guest_id: str) -> None:
        """Something happened to a guest (or to a domain that is none of ours)."""
        self._news.put(guest_id)

    def lost(self) -> None:
        """Events may have been missed."""
        self._lost.set()
        self._news.put(None)

    @contextmanager
    def order(self, guest_id: str) -> Iterator[None]:
        """What happens to the guest inside is our doing; the state it has afterwards is the known one."""
        with self._lock:
            self._ordered[guest_id] += 1
        try:
            yield
        finally:
            state: str | None = None
            with suppress(DriverError):
                state = self._get(guest_id).power_state
            with self._lock:
                self._ordered[guest_id] -= 1
                if not self._ordered[guest_id]:
                    del self._ordered[guest_id]
                if state is None:
                    self._known.pop(guest_id, None)
                else:
                    self._known[guest_id] = state

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                guest_id = self._news.get(timeout=PERIOD)
            except queue.Empty:
                guest_id = None
            try:
                if guest_id is not None:
                    self._look_at(guest_id)
                elif self._lost.is_set():
                    self._look_everywhere()
            except DriverError as error:
                log.warning("guests cannot be looked at", error=error.message, detail=error.detail)
                self._lost.set()
                self._stopping.wait(1.0)
            except Exception:
                log.exception("a look at the guests failed")

    def _look_everywhere(self) -> None:
        self._lost.clear()
        found = {guest.id for guest in self._look_at_all()}
        with self._lock:
            known = set(self._known)
        for guest_id in found | known:
            self._look_at(guest_id)

    def _look_at(self, guest_id: str) -> None:
        with self._lock:
            if guest_id in self._ordered or guest_id not in self._known:
                return
        try:
            state: str | None = self._get(guest_id).power_state
        except GuestNotFound:
            state = None
        with self._lock:
            if guest_id in self._ordered or self._known.get(guest_id) in (None, state):
                return
            if state is None:
                del self._known[guest_id]
            else:
                self._known[guest_id] = state
        self._listener(guest_id, state or "shutdown")
