"""Image data in and out of HTTP, with bounded memory."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from django.http import FileResponse

from cloudweb.exceptions import BadRequest
from image.exceptions import LengthRequired, RangeNotSatisfiable

_RANGE = re.compile(r"^bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\Z")
#: 64 bytes in base64, between colons.
_DIGEST = re.compile(r"^:([A-Za-z0-9+/]{86}==):\Z")
BINARY = "application/octet-stream"


class RequestBody:
    """The body of a request as the server delivers it; ``length`` is None for a chunked one.

    Django reads nothing of a chunked body (it has no Content-Length), so this reads the server's own
    stream, which servers that know where such a body ends say by ``wsgi.input_terminated``.
    """

    def __init__(self, environ: Mapping[str, Any]) -> None:
        self._input = environ["wsgi.input"]
        self.length: int | None = None
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            if not environ.get("wsgi.input_terminated"):
                raise LengthRequired
        else:
            text = environ.get("CONTENT_LENGTH") or "0"
            if not (text.isascii() and text.isdigit()):
                raise BadRequest("The Content-Length is malformed.")
            self.length = int(text)
        self._left = self.length

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, b"" at the end; raise BadRequest when the body breaks off."""
        if self._left is not None:
            size = min(size, self._left)
        if size == 0:
            return b""
        try:
            chunk: bytes = self._input.read(size)
        except Exception as error:
            raise BadRequest("The upload broke off.", detail=repr(error)) from error
        if self._left is not None:
            if not chunk:
                raise BadRequest("The upload broke off.")
            self._left -= len(chunk)
        return chunk


class Slice:
    """A part of a file; with a file descriptor, so that the server may let the kernel send it."""

    def __init__(self, file: BinaryIO, *, start: int, length: int) -> None:
        self._file, self._left = file, length
        file.seek(start)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes of the part."""
        wanted = self._left if size < 0 else min(size, self._left)
        chunk = self._file.read(wanted)
        self._left -= len(chunk)
        return chunk

    def fileno(self) -> int:
        """Return the descriptor, positioned at the start of the part."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class DataResponse(FileResponse):
    """The data of an image, or the range of it that a client asked for."""

    block_size = 256 * 1024

    def __init__(self, file: BinaryIO, *, size: int, checksum: str, wanted: str | None) -> None:
        try:
            asked = parse_range(wanted, size)
        except RangeNotSatisfiable:
            file.close()
            raise
        start, stop = asked or (0, size)
        super().__init__(
            Slice(file, start=start, length=stop - start),
            status=206 if asked else 200,
            content_type=BINARY,
        )
        self.headers["Content-Length"] = str(stop - start)
        self.headers["Accept-Ranges"] = "bytes"
        if asked:
            self.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        elif checksum:
            self.headers["Content-MD5"] = checksum


def announced_digest(headers: Mapping[str, str]) -> str:
    """Return the SHA-512 in hex that ``Content-Digest`` (RFC 9530) announces, empty without one.

    Raises BadRequest for one that is malformed; other algorithms are not looked at.
    """
    for part in headers.get("Content-Digest", "").split(","):
        name, _, text = part.strip().partition("=")
        if name.lower() == "sha-512":
            match = _DIGEST.match(text)
            if match is None:
                raise BadRequest("The header Content-Digest is malformed.")
            return base64.b64decode(match[1]).hex()
    return ""


def parse_range(text: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, stop) of a Range header; None for the whole, or for what may be ignored.

    Raises RangeNotSatisfiable.
    """
    match = _RANGE.match((text or "").strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, stop = max(0, size - int(match[2])), size
    else:
        start = int(match[1])
        last = int(match[2]) if match[2] else size - 1
        if match[2] and last < start:
            return None
        stop = min(last + 1, size)
    if start >= stop:
        raise RangeNotSatisfiable(size)
    return start, stop
