"""Which chunk holds each block of a volume: one record of 36 bytes a block, in order.

A record names the backup that wrote the chunk (an index into the manifest's ``origins``) and the
digest of the block. A block of zeros has no chunk.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

_RECORD = struct.Struct(">I32s")
RECORD_SIZE = _RECORD.size
_ZERO_ORIGIN = 0xFFFF_FFFF
_ZEROS = _RECORD.pack(_ZERO_ORIGIN, bytes(32))

#: Where a block's chunk is: the index of its origin, and its digest. None: the block is zeros.
Place = tuple[int, bytes]


class Table:
    """The records, held as they are stored."""

    def __init__(self, records: bytes = b"") -> None:
        self._records = bytearray(records)

    def __len__(self) -> int:
        return len(self._records) // RECORD_SIZE

    def __iter__(self) -> Iterator[Place | None]:
        for origin, digest in _RECORD.iter_unpack(self._records):
            yield None if origin == _ZERO_ORIGIN else (origin, digest)

    def __getitem__(self, index: int) -> Place | None:
        if not 0 <= index < len(self):
            raise IndexError(index)
        origin, digest = _RECORD.unpack_from(self._records, index * RECORD_SIZE)
        return None if origin == _ZERO_ORIGIN else (origin, digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._records == other._records

    __hash__ = None  # type: ignore[assignment]  # it grows

    def append(self, place: Place | None) -> None:
        """Add the next block's record."""
        self._records += _ZEROS if place is None else _RECORD.pack(*place)

    def encoded(self) -> bytes:
        """Return the records as they are stored."""
        return bytes(self._records)

    def fault(self, origins: int) -> str:
        """Say what is wrong with records that came from elsewhere; "" if nothing is."""
        for index, (origin, digest) in enumerate(_RECORD.iter_unpack(self._records)):
            if origin == _ZERO_ORIGIN:
                if any(digest):
                    return f"block {index} is zeros and has a digest"
            elif origin >= origins:
                return f"block {index} is of origin {origin}, of {origins}"
        return ""

    def content(self) -> bytes:
        """Return one digest over all blocks, the same whichever backups wrote the chunks."""
        found = hashlib.sha256()
        for _, digest in _RECORD.iter_unpack(self._records):
            found.update(digest)
        return found.digest()
