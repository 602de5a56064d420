"""Guests that are held still, their file systems or all of them, and the promise that none stays so.

What is frozen or paused is written down before. The host thaws by its own clock when nobody says so in time, and at
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
from typing import Any

import structlog

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.files import make_directory, write_atomically
from cloudweb.records import forget, read_record
from compute.drivers.base import (
    Freeze,
    GuestIsOff,
    GuestNotFound,
    Hypervisor,
    NotFrozen,
    Pause,
)
from compute.objects import FreezeRequest, FreezeState, GuestRef, ThawRequest

log = structlog.get_logger(__name__)
#: Seconds an agent in a guest is given to answer.
PATIENCE = 10
UNABLE_TO_PAUSE = "This server's hypervisor pauses no servers."
UNABLE = "This server's hypervisor holds no file systems still."
TOO_LONG = "The server's file systems went on after {} seconds, before the snapshots were taken."
GONE = "The server's file systems went on before the snapshots were taken."


@dataclass(slots=True)
class Held:
    """A guest that is held by this process, until when, and in the name of which wish."""

    wish: str
    seconds: int
    until: float  # of the monotonic clock
    is_asked: bool = True  # the agent in the guest has not answered yet
    is_frozen: bool = False
    is_paused: bool = False
    reason: str = ""


class Freezes:
    """The frozen guests of one host. Orders about one guest come one after the other."""

    def __init__(self, driver: Hypervisor, directory: Path) -> None:
        self._driver = driver
        self._directory = make_directory(directory)
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}

    def freeze(self, request: FreezeRequest, work: Work) -> FreezeState:
        """Hold a guest still; say why where that cannot be done."""
        known = self._held.get(request.id)
        if known is not None and known.wish == request.wish:
            return self._state(request.id, known)
        work.checkpoint()
        ref = GuestRef(id=request.id, name=request.name)
        record = {"name": ref.name, "pauses": request.pause}
        write_atomically(self._path(ref.id), json.dumps(record))
        held = Held(request.wish, request.seconds, time.monotonic() + request.seconds)
        with self._lock:
            self._held[ref.id] = held
        try:
            if request.agent:
                self._freeze(ref, held, work)
            if request.pause:
                self._pause(ref, held, work)
        except BaseException:
            self._give_up(ref)
            raise
        held.is_asked = False
        state = self._state(ref.id, held)
        if not (held.is_frozen or held.is_paused):
            self._give_up(ref)
        return state

    def _freeze(self, ref: GuestRef, held: Held, work: Work) -> None:
        if not isinstance(self._driver, Freeze):
            held.reason = UNABLE
            return
        try:
            self._driver.freeze(ref, timeout=min(PATIENCE, held.seconds), work=work)
        except DriverError as error:
            held.reason = error.message
        else:
            held.is_frozen = True

    def _pause(self, ref: GuestRef, held: Held, work: Work) -> None:
        if not isinstance(self._driver, Pause):
            held.reason = UNABLE_TO_PAUSE
            return
        try:
            self._driver.pause(ref, work=work)
        except DriverError as error:
            held.reason = error.message
        else:
            held.is_paused = True

    def _give_up(self, ref: GuestRef) -> None:
        with self._lock:
            self._held.pop(ref.id, None)  # it is not known to be held, only written down
        with suppress(DriverError):  # else the host does it, when it next looks
            self._thaw(ref)

    def thaw(self, request: ThawRequest) -> FreezeState:
        """Let a guest go on, and tell whether it was held still until now."""
        ref = GuestRef(id=request.id, name=request.name)
        known = self._held.get(request.id)
        if known is None or known.wish != request.wish:
            known = None
        was_frozen, was_paused = self._thaw(ref)
        if known is None:
            return FreezeState(id=ref.id, held=False, reason=GONE)
        known.reason = known.reason if was_frozen or not known.is_frozen else GONE
        known.is_frozen, known.is_paused = known.is_frozen and was_frozen, was_paused
        return self._state(ref.id, known)

    def thaw_overdue(self) -> None:
        """Let go on what was held for long enough, or by an earlier process."""
        now = time.monotonic()
        for guest_id, name in self._recorded():
            held = self._held.get(guest_id)
            if held is not None and (held.is_asked or now < held.until):
                continue
            log.warning("a guest is thawed by its host", guest=guest_id)
            with suppress(DriverError):
                self._thaw(GuestRef(id=guest_id, name=name))

    def problems(self) -> Sequence[str]:
        """Return one sentence for each guest that does not let itself be thawed."""
        now = time.monotonic()
        late = [
            guest_id
            for guest_id, _ in self._recorded()
            if (held := self._held.get(guest_id)) is None or now > held.until + PATIENCE
        ]
        return [
            f"The file systems of guest {one} are frozen, or it is paused, and it does not let itself go on."
            for one in late
        ]

    def _thaw(self, ref: GuestRef) -> tuple[bool, bool]:
        """Let it go on, and forget that it was held; raise TransientDriverError where it may still be.

        Return whether file systems were frozen, and whether the guest was paused.
        """
        driver, was_paused, thawed = self._driver, False, 0
        if read_record(self._path(ref.id), _pauses) and isinstance(driver, Pause):
            with suppress(GuestNotFound, GuestIsOff):
                was_paused = driver.get(ref.id).power_state == "paused"
                driver.unpause(ref, work=Unguarded())
        if isinstance(driver, Freeze):
            with suppress(GuestNotFound, NotFrozen):
                thawed = driver.thaw(ref, timeout=PATIENCE)
        with self._lock:
            self._held.pop(ref.id, None)
        forget(self._path(ref.id))
        return thawed > 0, was_paused

    def _state(self, guest_id: str, held: Held) -> FreezeState:
        if time.monotonic() < held.until:
            return FreezeState(
                id=guest_id, held=held.is_frozen, paused=held.is_paused, reason=held.reason
            )
        return FreezeState(id=guest_id, held=False, reason=TOO_LONG.format(held.seconds))

    def _recorded(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self._directory.glob("*.json")):
            name = read_record(path, lambda record: str(record["name"]))
            yield path.stem, name or ""

    def _path(self, guest_id: str) -> Path:
        return self._directory / f"{guest_id}.json"


def _pauses(record: dict[str, Any]) -> bool:
    return bool(record.get("pauses"))
