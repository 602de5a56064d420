"""Data on their way: out part by part, in piece by piece, by URLs that are good for that alone.

A part waits in a file on the data volume until the store has taken it, so it can be sent again. The last
part goes only after the programs have ended well: what broke off never becomes a backup.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from databases.guest.commands import CommandFailed, Pipe
from databases.guest.failures import GuestFailure, Refused

Row = dict[str, Any]
CHUNK = 256 * 1024
TIMEOUT = 60.0
#: About eight minutes of trying, with growing pauses.
TRIES, LONGEST_PAUSE = 20, 30.0
#: Nobody answers now, or nobody who knows us yet.
_LATER = frozenset({401, 403, 408, 429})
PACK, UNPACK = ("zstd", "-q", "-T1", "-1"), ("zstd", "-q", "-dc")


class TransferFailed(GuestFailure):
    """The store did not take or give the data."""

    code = "transfer_failed"


class _Later(Exception):
    """It may work the next time."""


class Transfers:
    """Sends and fetches; ``pause`` waits between tries."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause

    def send_output(
        self, programs: Sequence[Sequence[str]], target: Row, *, user: str, spool: Path
    ) -> Row:
        """Send what programs print; return size, checksum and parts. Raises CommandFailed, TransferFailed."""
        with Pipe(*programs, user=user) as pipe:
            return self.send(pipe.stdout, target, spool=spool, before_last=pipe.end)

    def send(
        self,
        source: IO[bytes],
        target: Row,
        *,
        spool: Path,
        before_last: Callable[[], None] = lambda: None,
    ) -> Row:
        """Send a stream in parts; return its size, its SHA-256 and what the store answered to each."""
        parts: list[Row] = []
        whole, most = hashlib.sha256(), int(target["part_size"])
        ahead = source.read(min(CHUNK, most))
        while ahead:
            if len(parts) == len(target["urls"]):
                raise TransferFailed("The data are larger than their backup may be.")
            with tempfile.TemporaryFile(dir=spool) as file:
                size = 0
                while ahead:
                    file.write(ahead)
                    whole.update(ahead)
                    size += len(ahead)
                    ahead = source.read(min(CHUNK, most - size))  # b"" where the part is full
                file.flush()
                ahead = source.read(min(CHUNK, most))
                if not ahead:
                    before_last()
                etag = self._put(str(target["urls"][len(parts)]), file, size)
            parts.append({"number": len(parts) + 1, "etag": etag, "size": size})
        if not parts:
            before_last()
            raise CommandFailed("The datastore gave nothing.", status=0, detail="an empty stream")
        size = sum(part["size"] for part in parts)
        return {"size": size, "checksum": whole.hexdigest(), "parts": parts}

    def unpack(self, backup: Row, program: Sequence[str], *, user: str) -> None:
        """Feed a backup to a program; raise Refused where it is not what was sent, CommandFailed, TransferFailed."""
        whole = hashlib.sha256()
        with Pipe(UNPACK, program, user=user, is_fed=True) as pipe:
            try:
                for data in self._fetched(backup["pieces"]):
                    whole.update(data)
                    pipe.stdin.write(data)
            except BrokenPipeError:
                pipe.end()  # says why
                raise
            if whole.hexdigest() != backup["checksum"]:
                raise Refused("The backup is damaged.", detail=f"{backup['id']}: checksum")
            pipe.end()

    def _put(self, url: str, file: IO[bytes], size: int) -> str:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}

        def once() -> str:
            file.seek(0)
            with _asked("PUT", url, file, headers) as answer:
                answer.read(CHUNK)
                return answer.headers.get("ETag", "")

        return str(self._tried(once))

    def _fetched(self, pieces: Iterable[Row]) -> Iterator[bytes]:
        """Yield the bytes of all pieces, each once, however often one is asked for."""
        for piece in pieces:
            begun = 0
            while begun < int(piece["size"]):
                for data in self._tried(functools.partial(_Rest, piece, begun)):
                    begun += len(data)
                    yield data

    def _tried(self, once: Callable[[], Any]) -> Any:
        wait, left = 1.0, TRIES
        while True:
            left -= 1
            try:
                return once()
            except (_Later, OSError, http.client.HTTPException) as error:
                if not left:
                    raise TransferFailed(
                        "The backup store does not answer.",
                        detail=f"{type(error).__name__}: {error}",
                    ) from error
            self._pause(wait)
            wait = min(wait * 2, LONGEST_PAUSE)


class _Rest:
    """What comes of a piece after so many bytes, until it is whole or breaks off; it was asked for."""

    def __init__(self, piece: Row, begun: int) -> None:
        self._stack = contextlib.ExitStack()
        self._left = int(piece["size"]) - begun
        try:
            self._answer = self._stack.enter_context(_asked("GET", str(piece["url"])))
            while begun:
                begun -= len(self._next(begun))
            self._first = self._next(self._left)
        except BaseException:
            self._stack.close()
            raise

    def _next(self, most: int) -> bytes:
        data = self._answer.read(min(CHUNK, most))
        if not data:
            raise _Later("broke off")
        return data

    def __iter__(self) -> Iterator[bytes]:
        with self._stack, contextlib.suppress(OSError, http.client.HTTPException):
            data = self._first
            while data:
                self._left -= len(data)
                yield data
                data = self._answer.read(min(CHUNK, self._left)) if self._left else b""


@contextlib.contextmanager
def _asked(
    method: str, url: str, body: IO[bytes] | None = None, headers: dict[str, str] | None = None
) -> Iterator[http.client.HTTPResponse]:
    """Yield a good answer; raise _Later, OSError, HTTPException for what may change, TransferFailed."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=TIMEOUT)
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # answered early
            connection.request(method, place.path, body, {**(headers or {}), "Connection": "close"})
        answer = connection.getresponse()
        if answer.status in _LATER or answer.status >= 500:
            raise _Later(f"status {answer.status}")
        if answer.status >= 300:
            said = answer.read(300).decode("utf-8", "replace").strip()
            raise TransferFailed(
                "The backup store refused the data.", detail=f"{answer.status} {said}"
            )
        yield answer
    finally:
        connection.close()
