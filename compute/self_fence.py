"""A host that stops its guests when it heard nothing of the control plane for too long.

Others may then run them elsewhere without having reached it: after the same time, and some more, the
control plane believes that they are off (``compute/failures.py``). It counts from when the newest report
that was answered was *sent*, by a clock that neither stands still nor is set, and that goes on where the
agent is started again. Guests that were stopped so start again once somebody answered, if they are still
to run here by then: what the host owes is paid before.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from cloudweb.driver import DriverError, Unguarded
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from compute.drivers.base import Hypervisor
from compute.objects import GuestRef

log = structlog.get_logger(__name__)
GOING = ("running", "paused", "crashed")


def clock() -> float:
    """Return the seconds since the machine was started, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SelfFence:
    """The lease of one host; ``limit`` 0: it never runs out. ``changed`` tells of a guest that was stopped."""

    def __init__(
        self, driver: Hypervisor, path: Path, limit: int, changed: Callable[[str, str], None]
    ) -> None:
        self.limit = limit
        self._driver, self._path, self._changed = driver, path, changed
        self._lock = threading.Lock()
        self._boot = ""
        self._answered = clock()
        self.is_answered = False  # since this process was started
        self.stopped: frozenset[str] = frozenset()

    def start(self, boot_id: str) -> None:
        """Go on from what was written down in this boot of the machine."""
        self._boot = boot_id
        known = read_record(self._path, _parse)
        if self.limit and known is not None and known["boot_id"] == boot_id:
            self._answered = min(known["answered"], clock())
            self.stopped = frozenset(known["stopped"])

    def answered(self, sent_at: float) -> None:
        """Note that a report which was sent then was answered."""
        with self._lock:
            self._answered = max(self._answered, sent_at)
            self.is_answered = True
            self._write()

    @property
    def ran_out(self) -> bool:
        """Tell whether the host may keep no guest running."""
        return bool(self.limit) and clock() - self._answered >= self.limit

    def stop_guests(self) -> None:
        """Pull the plug of all guests; what an order starts meanwhile is found by the next round.

        It waits for no lock: whoever holds one may wait for what is gone.
        """
        for guest in self._driver.list():
            if guest.power_state not in GOING:
                continue
            with self._lock:
                self.stopped |= {guest.id}
                self._write()
            try:
                ref = GuestRef(id=guest.id, name=guest.name)
                self._driver.power_off(ref, timeout=0, work=Unguarded())
            except DriverError as error:  # the next round tries again
                log.warning("guest not stopped", guest=guest.id, error=error.message)
            else:
                log.warning("guest stopped: the control plane is silent", guest=guest.id)
                self._changed(guest.id, "shutdown")

    def started(self, guest_id: str) -> None:
        """Forget that a guest was stopped."""
        with self._lock:
            self.stopped -= {guest_id}
            self._write()

    def _write(self) -> None:
        said = {"boot_id": self._boot, "answered": self._answered, "stopped": sorted(self.stopped)}
        write_atomically(self._path, json.dumps(said))


def _parse(record: Any) -> dict[str, Any]:
    return {
        "boot_id": str(record["boot_id"]),
        "answered": float(record["answered"]),
        "stopped": [str(one) for one in record["stopped"]],
    }
