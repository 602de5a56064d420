"""Guests whose file systems are held still, and the promise that none stays so.

What is frozen is written down before. The host thaws by its own clock when nobody says so in time, and at
its start whatever it finds written down: the control plane, the network and this process may all be gone.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from cloudweb.driver import DriverError, Work
from cloudweb.files import make_directory, write_atomically
from cloudweb.records import forget, read_record
from compute.drivers.base import Freeze, GuestNotFound, Hypervisor, NotFrozen
from compute.objects import FreezeRequest, FreezeState, GuestRef, ThawRequest

log = structlog.get_logger(__name__)
#: Seconds an agent in a guest is given to answer.
PATIENCE = 10
UNABLE = "This server's hypervisor holds no file systems still."
TOO_LONG = "The server's file systems went on after {} seconds, before the snapshots were taken."
GONE = "The server's file systems went on before the snapshots were taken."


@dataclass(slots=True)
class Held:
    """A guest that is frozen by this process, until when, and in the name of which wish."""

    wish: str
    seconds: int
    until: float  # of the monotonic clock
    is_asked: bool = True  # the agent in the guest has not answered yet


class Freezes:
    """The frozen guests of one host. Orders about one guest come one after the other."""

    def __init__(self, driver: Hypervisor, directory: Path) -> None:
        self._driver = driver
        self._directory = make_directory(directory)
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}

    def freeze(self, request: FreezeRequest, work: Work) -> FreezeState:
        """Freeze a guest; say why where that cannot be done."""
        driver = self._driver
        if not isinstance(driver, Freeze):
            return FreezeState(id=request.id, held=False, reason=UNABLE)
        known = self._held.get(request.id)
        if known is not None and known.wish == request.wish:
            return self._state(request.id, known)
        work.checkpoint()
        ref = GuestRef(id=request.id, name=request.name)
        write_atomically(self._path(ref.id), json.dumps({"name": ref.name}))
        held = Held(request.wish, request.seconds, time.monotonic() + request.seconds)
        with self._lock:
            self._held[ref.id] = held
        try:
            driver.freeze(ref, timeout=min(PATIENCE, request.seconds), work=work)
        except BaseException as error:
            with self._lock:
                self._held.pop(ref.id, None)  # it is not known to be frozen, only written down
            with suppress(DriverError):  # else the host does it, when it next looks
                self._thaw(driver, ref)
            if not isinstance(error, DriverError):
                raise
            return FreezeState(id=ref.id, held=False, reason=error.message)
        held.is_asked = False
        return self._state(ref.id, held)

    def thaw(self, request: ThawRequest) -> FreezeState:
        """Thaw a guest, and tell whether it was frozen until now."""
        driver, ref = self._driver, GuestRef(id=request.id, name=request.name)
        if not isinstance(driver, Freeze):
            return FreezeState(id=request.id, held=False, reason=UNABLE)
        known = self._held.get(request.id)
        if known is None or known.wish != request.wish:
            known = None
        thawed = self._thaw(driver, ref)
        if known is None or not thawed:
            return FreezeState(id=ref.id, held=False, reason=GONE)
        return self._state(ref.id, known)

    def thaw_overdue(self) -> None:
        """Thaw what was frozen for long enough, or by an earlier process."""
        driver, now = self._driver, time.monotonic()
        if not isinstance(driver, Freeze):
            return
        for guest_id, name in self._recorded():
            held = self._held.get(guest_id)
            if held is not None and (held.is_asked or now < held.until):
                continue
            log.warning("a guest is thawed by its host", guest=guest_id)
            with suppress(DriverError):
                self._thaw(driver, GuestRef(id=guest_id, name=name))

    def problems(self) -> Sequence[str]:
        """Return one sentence for each guest that does not let itself be thawed."""
        now = time.monotonic()
        late = [
            guest_id
            for guest_id, _ in self._recorded()
            if (held := self._held.get(guest_id)) is None or now > held.until + PATIENCE
        ]
        return [
            f"The file systems of guest {one} are frozen, and its agent does not answer."
            for one in late
        ]

    def _thaw(self, driver: Freeze, ref: GuestRef) -> int:
        """Thaw, and forget that it was frozen; raise TransientDriverError where it may still be."""
        try:
            thawed = driver.thaw(ref, timeout=PATIENCE)
        except (GuestNotFound, NotFrozen):
            thawed = 0
        with self._lock:
            self._held.pop(ref.id, None)
        forget(self._path(ref.id))
        return thawed

    def _state(self, guest_id: str, held: Held) -> FreezeState:
        if time.monotonic() < held.until:
            return FreezeState(id=guest_id, held=True)
        return FreezeState(id=guest_id, held=False, reason=TOO_LONG.format(held.seconds))

    def _recorded(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self._directory.glob("*.json")):
            name = read_record(path, lambda record: str(record["name"]))
            yield path.stem, name or ""

    def _path(self, guest_id: str) -> Path:
        return self._directory / f"{guest_id}.json"
