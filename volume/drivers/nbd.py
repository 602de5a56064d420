"""A client of NBD over a Unix socket, for what is read and written block by block.

There is none for Python in a package index (libnbd's is bound to the system's interpreter). Source of the
format: the NBD project's doc/proto.md; fixed newstyle, structured replies, ``base:allocation``.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from cloudweb.driver import DiskFull, TransientDriverError

_MAGIC, _OPTION_MAGIC = b"NBDMAGIC", b"IHAVEOPT"
_OPTION, _OPTION_REPLY = struct.Struct(">8sII"), struct.Struct(">QIII")
_REPLY_MAGIC = 0x3E889045565A9
_GO, _STRUCTURED, _SET_CONTEXT = 7, 8, 10
_ACK, _INFO, _CONTEXT = 1, 3, 4
_REQUEST = struct.Struct(">IHHQQI")
_REQUEST_MAGIC, _SIMPLE, _CHUNK = 0x25609513, 0x67446698, 0x668E33EF
_READ, _WRITE, _DISCONNECT, _FLUSH, _ZERO, _STATUS = 0, 1, 2, 3, 6, 7
_DONE, _ONE_EXTENT = 1, 8
_DATA, _HOLE, _EXTENTS, _ERRORS = 1, 2, 5, 0x8000
_IS_ZERO = 2
_NO_SPACE = 28
#: One request for zeros, or for what is allocated, spans so much at most; one for data much less.
_SPAN, _PIECE = 1024**3, 16 * 1024**2
_ALLOCATION = b"base:allocation"
#: What is done with each part of an answer: its kind, and what it holds.
Take = Callable[[int, bytes], None]


class NbdFailed(TransientDriverError):
    """What serves the volume went away, or refused a request."""

    code = "volume_not_served"
    default_message = "The volume could not be read or written."


class NbdClient:
    """One connection to one export; not for several threads at once. All methods raise NbdFailed."""

    def __init__(self, path: Path, export: str, *, timeout: float = 120) -> None:
        self.size = 0
        self._cookie = 0
        self._export = export.encode()
        self._knows_zeros = False
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
            self._stream = self._socket.makefile("rb", buffering=1024**2)
            self._negotiate()
        except (OSError, struct.error, NbdFailed) as error:
            self._socket.close()
            if isinstance(error, NbdFailed):
                raise
            raise NbdFailed(detail=repr(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._send(_DISCONNECT, 0, 0)
        self._stream.close()
        self._socket.close()

    # What is done

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes."""
        found = bytearray(length)
        for at in range(0, length, _PIECE):
            self._read_piece(found, at, offset + at, min(_PIECE, length - at))
        return bytes(found)

    def write(self, offset: int, data: bytes) -> None:
        """Write these bytes."""
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            self._do(_WRITE, offset + at, len(piece), piece)

    def zero(self, offset: int, length: int) -> None:
        """Make these bytes zeros, without room where that is possible."""
        for at in range(0, length, _SPAN):
            self._do(_ZERO, offset + at, min(_SPAN, length - at))

    def flush(self) -> None:
        """Have on disk what was written."""
        self._do(_FLUSH, 0, 0)

    def data_after(self, offset: int) -> int:
        """Return where, from there on, something may be that is not zeros; ``size`` if nowhere."""
        while self._knows_zeros and offset < self.size:
            length, flags = self._extent(offset, min(_SPAN, self.size - offset))
            if not flags & _IS_ZERO:
                return offset
            offset += length
        return offset

    # Requests

    def _read_piece(self, into: bytearray, at: int, offset: int, length: int) -> None:
        def take(kind: int, payload: bytes) -> None:
            (place,) = struct.unpack_from(">Q", payload)
            start = at + place - offset
            if kind == _DATA:
                into[start : start + len(payload) - 8] = payload[8:]

        self._ask(_READ, offset, length, take)

    def _extent(self, offset: int, length: int) -> tuple[int, int]:
        found: list[tuple[int, int]] = []

        def take(kind: int, payload: bytes) -> None:
            if kind == _EXTENTS:
                found.append(struct.unpack_from(">II", payload, 4))

        self._ask(_STATUS, offset, length, take, flags=_ONE_EXTENT)
        if not found or not found[0][0]:
            raise NbdFailed(detail="no extent")
        return min(found[0][0], length), found[0][1]

    def _do(self, kind: int, offset: int, length: int, data: bytes = b"") -> None:
        self._ask(kind, offset, length, lambda _, __: None, data=data)

    def _ask(
        self,
        kind: int,
        offset: int,
        length: int,
        take: Take,
        *,
        flags: int = 0,
        data: bytes = b"",
    ) -> None:
        try:
            self._send(kind, offset, length, flags=flags, data=data)
            while not self._answer(take):
                pass
        except (OSError, struct.error) as error:
            raise NbdFailed(detail=repr(error)) from error

    def _send(
        self, kind: int, offset: int, length: int, *, flags: int = 0, data: bytes = b""
    ) -> None:
        self._cookie += 1
        front = _REQUEST.pack(_REQUEST_MAGIC, flags, kind, self._cookie, offset, length)
        self._socket.sendall(front)
        if data:
            self._socket.sendall(data)

    def _answer(self, take: Take) -> bool:
        """Read one reply; tell whether it was the last one of its request."""
        (magic,) = struct.unpack(">I", self._get(4))
        if magic == _SIMPLE:
            error, cookie = struct.unpack(">IQ", self._get(12))
            self._check(cookie, error)
            return True
        if magic != _CHUNK:
            raise NbdFailed(detail=f"no reply: {magic:#x}")
        flags, kind, cookie, length = struct.unpack(">HHQI", self._get(16))
        payload = self._get(length)
        self._check(cookie, struct.unpack_from(">I", payload)[0] if kind & _ERRORS else 0)
        if kind in (_DATA, _HOLE, _EXTENTS):
            take(kind, payload)
        return bool(flags & _DONE)

    def _check(self, cookie: int, error: int) -> None:
        if cookie != self._cookie:
            raise NbdFailed(detail="a reply to another request")
        if error == _NO_SPACE:
            raise DiskFull
        if error:
            raise NbdFailed(detail=f"error {error}")

    # How it begins

    def _negotiate(self) -> None:
        if self._get(8) != _MAGIC or self._get(8) != _OPTION_MAGIC:
            raise NbdFailed(detail="no NBD server")
        (flags,) = struct.unpack(">H", self._get(2))
        self._socket.sendall(struct.pack(">I", flags & 3))
        if not self._option(_STRUCTURED, b""):
            raise NbdFailed(detail="no structured replies")
        name = struct.pack(">I", len(self._export)) + self._export
        query = struct.pack(">II", 1, len(_ALLOCATION)) + _ALLOCATION
        self._knows_zeros = self._option(_SET_CONTEXT, name + query)
        if not self._option(_GO, name + struct.pack(">H", 0)):
            raise NbdFailed(detail=f"no export {self._export.decode()}")

    def _option(self, option: int, data: bytes) -> bool:
        """Ask for an option; tell whether the server has it, and its answer meant something."""
        self._socket.sendall(_OPTION.pack(_OPTION_MAGIC, option, len(data)) + data)
        told = option != _SET_CONTEXT
        while True:
            magic, _, kind, length = _OPTION_REPLY.unpack(self._get(_OPTION_REPLY.size))
            payload = self._get(length)
            if magic != _REPLY_MAGIC or kind & 0x8000_0000:
                return False
            if kind == _ACK:
                return told
            told = told or kind == _CONTEXT
            if kind == _INFO and struct.unpack_from(">H", payload)[0] == 0:
                (self.size,) = struct.unpack_from(">Q", payload, 2)

    def _get(self, length: int) -> bytes:
        found: bytes = self._stream.read(length)
        if len(found) != length:
            raise NbdFailed(detail="the server closed the connection")
        return found
