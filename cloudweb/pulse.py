"""Shows whoever started this process that it makes progress, in the notification protocol of systemd.

Each thread whose progress matters is a part and beats. A message goes out once every part has beaten since
the last one: one that hangs silences the process, which is then looked at and started again.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
import threading
import time
from collections.abc import MutableMapping

MOST_OFTEN = 5.0  # seconds between two messages, less under a short limit


class Pulse:
    """The messages of one process; without an address nobody listens, and beats cost next to nothing."""

    def __init__(self, address: str = "", *, limit: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._pause = min(MOST_OFTEN, limit / 4)
        self._lock = threading.Lock()
        self._parts: set[str] = set()
        self._awaited: set[str] = set()
        self._told_at = 0.0

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Pulse:
        """Return the pulse an environment asks for; what this process starts shall not inherit it."""
        address = environ.pop("NOTIFY_SOCKET", "")
        limit = environ.pop("WATCHDOG_USEC", "")
        return cls(address, limit=int(limit) / 1e6 if limit.isdigit() else 0.0)

    def part(self, name: str) -> None:
        """Let nothing be told from now on without a beat of this part."""
        with self._lock:
            self._parts.add(name)
            self._awaited.add(name)

    def excuse(self, name: str) -> None:
        """Await nothing more of a part: it waits for others, or ends."""
        with self._lock:
            self._parts.discard(name)
            self._awaited.discard(name)

    def beat(self, name: str) -> None:
        """Note that a part has got further."""
        with self._lock:
            self._awaited.discard(name)
            moment = time.monotonic()
            if self._awaited or name not in self._parts or moment - self._told_at < self._pause:
                return
            self._awaited, self._told_at = set(self._parts), moment
        self._tell(b"WATCHDOG=1")

    def ready(self) -> None:
        """Tell that this process serves now."""
        self._tell(b"READY=1")

    def _tell(self, message: bytes) -> None:
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),  # nobody reads just now: silence is judged by its length
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as outlet,
        ):
            outlet.sendto(message, self._address)


_pulse: Pulse | None = None
_lock = threading.Lock()


def pulse() -> Pulse:
    """Return this process's pulse; from its first use on SIGABRT writes every thread's stack to the log."""
    global _pulse
    with _lock:
        if _pulse is None:
            _pulse = Pulse.of(os.environ)
            with contextlib.suppress(OSError, ValueError):  # no stderr to write to
                faulthandler.enable()
        return _pulse
