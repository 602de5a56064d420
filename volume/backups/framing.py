"""Several chunks in one HTTP body: for each its digest (32 bytes), its length (4, big endian), the chunk."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence

from volume.backups.exceptions import BackupDamaged
from volume.backups.sealing import OVERHEAD
from volume.backups.taking import Chunk

_FRONT = struct.Struct(">32sI")


def framed(chunks: Sequence[Chunk]) -> bytes:
    """Return the body."""
    return b"".join(_FRONT.pack(digest, len(chunk)) + chunk for digest, chunk in chunks)


def unframed(read: Callable[[int], bytes], *, block_size: int) -> Iterator[Chunk]:
    """Yield the chunks as they come; raise BackupDamaged where the body breaks off or one is too long."""
    while front := read(_FRONT.size):
        front = _exactly(read, _FRONT.size, front)
        digest, length = _FRONT.unpack(front)
        if not 2 <= length <= block_size + OVERHEAD:
            raise BackupDamaged("A chunk is longer than its block can be.", detail=str(length))
        yield digest, _exactly(read, length)


def _exactly(read: Callable[[int], bytes], length: int, begun: bytes = b"") -> bytes:
    found = bytearray(begun)
    while len(found) < length:
        piece = read(length - len(found))
        if not piece:
            raise BackupDamaged("The chunks are cut off.")
        found += piece
    return bytes(found)
