"""Whether anything can be written now: it is tried, not guessed, and not on the asker's time."""

from __future__ import annotations

import errno
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from cloudweb.database.trial import write

#: Seconds: between two trials, how long an answer waits for one, from when on a lock is a fault.
EVERY, PATIENCE, LONGEST = 1.0, 1.0, 20.0
LEAST_ROOM = 1024 * 1024
_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "the data directory may not be written to",
    errno.EPERM: "the data directory may not be written to",
    errno.ENOENT: "the data directory is gone",
    errno.EIO: "the disk fails",
}


class Trial:
    """One attempt to write at a time, in a thread of its own; the answer is the latest known."""

    def __init__(self, attempt: Callable[[], str]) -> None:
        self._attempt = attempt
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._ended.set()
        self._began = -EVERY
        self._known = "ok"

    def state(self) -> str:
        """Return "ok" or the reason why nothing can be written; takes at most PATIENCE seconds."""
        with self._lock:
            if self._ended.is_set() and time.monotonic() - self._began >= EVERY:
                self._began = time.monotonic()
                self._ended.clear()
                threading.Thread(target=self._run, name="write-trial", daemon=True).start()
        if self._ended.wait(PATIENCE):
            return self._known
        waited = time.monotonic() - self._began
        return self._known if waited < LONGEST else "a write has been waiting for its turn too long"

    def _run(self) -> None:
        known = "cannot be tried"
        try:
            known = self._attempt()
        finally:
            self._known = known
            self._ended.set()


def attempt() -> str:
    """Write to the data directory and to the database; return "ok" or what hindered it."""
    try:
        _take_room(settings.VAR / "run")
        write(connection)
    except OSError as error:
        return _DISK.get(error.errno or 0, f"the disk fails: {error.strerror}")
    except DatabaseError as error:
        known = connection.vendor == "sqlite"  # other servers' words name addresses
        return f"the database: {error}" if known else "the database cannot be written to"
    finally:
        connection.close()
    return "ok"


def _take_room(directory: Path) -> None:
    """Have room set aside and give it back: a full disk says so here before a database does."""
    path = directory / f".room.{secrets.token_hex(4)}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(handle, 0, LEAST_ROOM)
    finally:
        os.close(handle)
        path.unlink(missing_ok=True)


_trial = Trial(attempt)


def writes() -> str:
    """Return "ok" or why nothing can be written now, as of the last second."""
    return _trial.state()
