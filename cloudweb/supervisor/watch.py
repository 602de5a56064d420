"""Hears whether a child makes progress: silence for too long is a hang, whatever its cause.

The clock stands still while the machine sleeps. Silence in which nobody listened is forgiven.
"""

from __future__ import annotations

import math
import socket
import time
from pathlib import Path

#: A child that has not spoken yet may be silent for so many times the limit: it restores what was.
FIRST_WORD = 5
_AT_ONCE = 100  # messages read in one go


class Watch:
    """The socket on which one child after the other says that it gets on (``cloudweb/pulse.py``)."""

    def __init__(self, path: Path, *, limit: float) -> None:
        self.path, self.limit = path, limit
        self.heard_at: float | None = None
        self._since = 0.0
        self._socket: socket.socket | None = None

    def begin(self) -> dict[str, str]:
        """Listen to a child about to start; return what tells it where to speak. Raises OSError."""
        self.end()
        self.path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(self.path))
        self.path.chmod(0o600)
        self.heard_at, self._since = None, time.monotonic()
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": f"{self.limit * 1e6:.0f}"}

    def end(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def forgive(self) -> None:
        """Count silence from now on: whoever listens was away itself."""
        self._since = time.monotonic()

    def overdue(self) -> float:
        """Return for how many seconds nothing was heard if that is too long, else 0."""
        self._listen()
        silence = time.monotonic() - self._since
        allowed = self.limit * (1 if self.heard_at is not None else FIRST_WORD)
        return silence if silence > (allowed if self._socket else math.inf) else 0.0

    def _listen(self) -> None:
        for _ in range(_AT_ONCE if self._socket else 0):
            assert self._socket is not None
            try:
                message = self._socket.recv(4096)
            except OSError:  # no more
                return
            if b"WATCHDOG=1" in message.split(b"\n"):
                self.heard_at = self._since = time.monotonic()
