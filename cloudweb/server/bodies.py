"""Bodies on their way in: small ones whole before anything runs, uploads while they arrive."""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, Any

from cloudweb.server.limits import MAX_SPOOLED, Pace

Receive = Callable[[], Awaitable[Any]]
IN_MEMORY = 128 * 1024


class Gone(Exception):
    """The client went away."""


class SpoolFull(Exception):
    """Bodies of others fill the spool."""


class Spool:
    """Takes bodies of bounded size; what is not tiny waits in a nameless file of a directory of ours."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self.held = 0  # bytes of all bodies

    @contextlib.contextmanager
    def file(self) -> Iterator[IO[bytes]]:
        """Give a file for one body; it is gone, and its room free, at the end."""
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(self._directory)) as file:
            try:
                yield file
            finally:
                self.held -= file.seek(0, 2)

    async def take(self, file: IO[bytes], receive: Receive, *, most: int, pace: Pace) -> int:
        """Read a body until its end or one byte over ``most``; return its size.

        Raises TimeoutError for a client who is too slow, Gone, SpoolFull.
        """
        size = 0
        while size <= most:
            message = await pace.wait(receive())
            if message["type"] == "http.disconnect":
                raise Gone
            part = message.get("body", b"")[: most + 1 - size]
            if self.held + len(part) > MAX_SPOOLED:
                raise SpoolFull
            file.write(part)
            self.held += len(part)
            size += len(part)
            pace.earn(len(part))
            if not message.get("more_body"):
                break
        file.seek(0)
        return size


class Inflow:
    """``wsgi.input`` of an upload: a thread reads what the loop receives, a megabyte behind at most.

    Nothing is received before the first read, so a refused upload costs nobody a byte (a client that
    asked by ``Expect`` never sends it).
    """

    AHEAD = 1024 * 1024

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._fault: Exception | None = None
        self._wanted = asyncio.Event()
        self._asked = False
        self.ended = False

    @property
    def broken(self) -> bool:
        """Tell whether the client went away or was too slow."""
        return self._fault is not None

    def read(self, size: int = -1, /) -> bytes:
        """Return some bytes, b"" at the end. Raises TimeoutError or ConnectionError when it breaks off."""
        with self._changed:
            if not self._asked and self._size < self.AHEAD // 2 and not self.ended:
                self._asked = True
                self._loop.call_soon_threadsafe(self._wanted.set)
            while not self._parts:
                if self._fault is not None:
                    raise self._fault
                if self.ended:
                    return b""
                self._changed.wait()
            part = self._parts.popleft()
            if 0 <= size < len(part):
                self._parts.appendleft(part[size:])
                part = part[:size]
            self._size -= len(part)
            return part

    def readline(self, _size: int = -1, /) -> bytes:
        """Refuse: data has no lines; Django asks that there is such a method."""
        raise io.UnsupportedOperation("readline")

    async def feed(self, receive: Receive, *, pace: Pace) -> None:
        """Receive the body for the thread that reads it, as fast as that one takes it."""
        fault: Exception | None = None
        try:
            while not self.ended:
                await self._wanted.wait()
                message = await pace.wait(receive())
                if message["type"] == "http.disconnect":
                    fault = ConnectionError("the client went away")
                    break
                pace.earn(len(message.get("body", b"")))
                self._put(message.get("body", b""), ended=not message.get("more_body"))
        except TimeoutError:
            fault = TimeoutError("the client sent too slowly")
        except asyncio.CancelledError:
            with self._changed:
                self._fault = ConnectionError("the server ends")
                self._changed.notify_all()
            raise
        with self._changed:
            self._fault = fault
            self._changed.notify_all()

    def _put(self, part: bytes, *, ended: bool) -> None:
        with self._changed:
            if part:
                self._parts.append(part)
                self._size += len(part)
            self.ended = ended
            if self._size >= self.AHEAD:
                self._wanted.clear()
                self._asked = False
            self._changed.notify_all()
