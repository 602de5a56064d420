"""Clients of a datastore that stay: starting one for each statement costs a guest more than the statement.

A client reads statements as they come and, as it did before, ends at the first that fails; then the next
statement gets another. A few that have nothing to do are kept, so that threads do not wait for each other.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from databases.guest import commands
from databases.guest.commands import CommandFailed

KEPT = 2


class Session:
    """One client at work; ``mark`` makes a command of which it prints the word."""

    def __init__(
        self,
        words: tuple[str, ...],
        *,
        mark: Callable[[str], str],
        user: str = "",
        environment: dict[str, str] | None = None,
    ) -> None:
        self._name, self._mark = Path(words[0]).name, mark
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  close() does it
        self.is_used = False
        try:
            self._client = commands.client(
                *words, user=user, errors=self._errors, environment=environment
            )
        except CommandFailed:
            self._errors.close()
            raise

    def ask(self, text: str, *, timeout: float) -> str:
        """Return what came of statements; raise CommandFailed, and be over then."""
        word = secrets.token_hex(16)
        try:
            said = self._exchange(
                f"{text}{self._mark(word)}\n".encode(), f"{word}\n".encode(), timeout
            )
        except BaseException:
            self.close()
            raise
        self.is_used = True
        return said.decode("utf-8", "replace")

    def _exchange(self, asked: bytes, end: bytes, timeout: float) -> bytes:
        given, taken = self._client.stdin, self._client.stdout
        assert given is not None
        assert taken is not None
        until, said = time.monotonic() + timeout, bytearray()
        with selectors.DefaultSelector() as ready:
            ready.register(taken, selectors.EVENT_READ)
            ready.register(given, selectors.EVENT_WRITE)
            while not said.endswith(end):
                found = ready.select(max(0.0, until - time.monotonic()))
                if not found:
                    raise CommandFailed(
                        "The datastore took too long.",
                        status=-1,
                        detail=f"{self._name}: {timeout} s",
                    )
                for key, _ in found:
                    if key.fileobj is taken:
                        piece = os.read(taken.fileno(), 65_536)
                        if not piece:
                            raise self._ended()
                        said += piece
                        continue
                    with contextlib.suppress(BrokenPipeError):  # why it ended is read above
                        asked = asked[os.write(given.fileno(), asked[:4096]) :]
                        if asked:
                            continue
                    ready.unregister(given)
        return bytes(said[: -len(end)])

    def _ended(self) -> CommandFailed:
        status = self._client.wait()
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip()
        return CommandFailed(
            "The datastore did not do it.", status=status, detail=f"{self._name}: {said}"
        )

    def close(self) -> None:
        """End the client."""
        for pipe in (self._client.stdin, self._client.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._client.poll() is None:
            self._client.kill()
        self._client.wait()
        self._errors.close()


def alone(session: Session, text: str, *, timeout: float = 120) -> str:
    """Return what came of statements, of a client that is there for them alone."""
    said = session.ask(text, timeout=timeout)
    session.close()
    return said


class Sessions:
    """Clients that have nothing to do, by what they are connected to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, list[Session]] = {}

    def ask(
        self,
        what: str,
        text: str,
        *,
        begin: Callable[[], Session],
        is_cut_off: Callable[[CommandFailed], bool],
        timeout: float = 120,
    ) -> str:
        """Return what came of statements; raise CommandFailed.

        One that was cut off since it was last used (the datastore was restarted) is no failure: statements
        are such that they may be said again.
        """
        while True:
            with self._lock:
                idle = self._idle.setdefault(what, [])
                session = idle.pop() if idle else None
            session = session or begin()
            try:
                said = session.ask(text, timeout=timeout)
            except CommandFailed as error:
                if session.is_used and is_cut_off(error):
                    continue
                raise
            with self._lock:
                if len(self._idle[what]) < KEPT:
                    self._idle[what].append(session)
                    return said
            session.close()
            return said

    def close(self, what: str) -> None:
        """End those connected to something."""
        with self._lock:
            idle = self._idle.pop(what, [])
        for session in idle:
            session.close()


SESSIONS = Sessions()
