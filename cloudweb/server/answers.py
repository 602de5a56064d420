"""Answers on their way out: whole, from a file, or generated while they are sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from cloudweb.server.environ import Environ

Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]
#: Handed to the connection at once; it holds no more than a piece and a block.
PIECE = 64 * 1024
BLOCK = 256 * 1024
#: Statuses whose answers have no body, whatever was said.
EMPTY = (204, 304)


class FileBlocks:
    """``wsgi.file_wrapper``: a file that may be read by any thread."""

    def __init__(self, file: Any, size: int = BLOCK) -> None:
        self._file, self._size = file, size

    def read(self) -> bytes:
        """Return the next block."""
        block: bytes = self._file.read(self._size)
        return block

    def close(self) -> None:
        """Close the file and end the request."""
        self._file.close()

    def __iter__(self) -> Iterable[bytes]:
        return iter(self.read, b"")


@dataclass(slots=True)
class Answer:
    """What Django answered. ``rest`` is what is still to be read after ``body``."""

    status: int
    headers: Headers
    body: bytes = b""
    rest: FileBlocks | Iterable[bytes] | None = None

    def close(self) -> None:
        """Close what will not be read."""
        if self.rest is not None and hasattr(self.rest, "close"):
            self.rest.close()


def call(application: Application, environ: Environ) -> Answer:
    """Run the application in this thread, to the end of the answer if it is whole by then."""
    said: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], _exc: Any = None) -> Callable[..., Any]:
        said["status"] = int(status[:3])
        said["headers"] = [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ]
        return _no_write

    environ["wsgi.file_wrapper"] = FileBlocks
    found = application(environ, start)
    answer = Answer(said["status"], said["headers"], rest=found)
    if environ["REQUEST_METHOD"] == "HEAD" or answer.status in EMPTY:
        answer.close()
        answer.rest = None
        if answer.status in EMPTY:
            answer.headers = [pair for pair in answer.headers if pair[0] != b"content-length"]
        return answer
    if isinstance(found, FileBlocks):
        answer.body = found.read()
        if len(answer.body) == _length(answer.headers):
            answer.close()
            answer.rest = None
    elif not getattr(found, "streaming", not isinstance(found, list | tuple)):
        try:
            answer.body = b"".join(found)
        finally:
            answer.close()
        answer.rest = None
        if _length(answer.headers) is None:
            answer.headers.append((b"content-length", str(len(answer.body)).encode()))
    return answer


def _length(headers: Headers) -> int | None:
    return next((int(value) for name, value in headers if name == b"content-length"), None)


def _no_write(_data: bytes) -> None:
    raise NotImplementedError("The application must return its answer.")


class Outflow:
    """Generated blocks: one thread makes them all (its database connection goes along), the loop takes them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=2)
        self._given_up = False
        self.failed = False

    def run(self, blocks: Iterable[bytes]) -> None:
        """Make blocks until the end, or until nobody wants them."""
        waiting = bytearray()
        try:
            for block in blocks:
                waiting += block
                if len(waiting) >= PIECE:
                    self._put(bytes(waiting))
                    waiting.clear()
                if self._given_up:
                    return
            self._put(bytes(waiting))
        except BaseException:
            self.failed = True
            raise
        finally:
            self._put(None)
            if hasattr(blocks, "close"):
                blocks.close()

    def _put(self, block: bytes | None) -> None:
        if not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._queue.put(block), self._loop).result()

    async def next(self) -> bytes | None:
        """Return the next bytes, None at the end. Raises BrokenPipeError when they could not be made."""
        block = await self._queue.get()
        if block is None and self.failed:
            raise BrokenPipeError
        return block

    def give_up(self) -> None:
        """Tell the thread that nobody wants more."""
        self._given_up = True
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self._queue.get_nowait()
