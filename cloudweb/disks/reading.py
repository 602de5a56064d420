"""Reading tables of untrusted files in bounded pieces, and the limits that hold for every format."""

from __future__ import annotations

import os
import sys
from array import array
from collections.abc import Iterator
from typing import BinaryIO, Literal

#: Of a table that is looked at as a whole (a first table); larger ones come in pieces.
PIECE = 64 * 1024
#: Compressed data may become this many times the file's size; tools reach 20 with real disks.
MAX_EXPANSION = 256
#: What every file may expand to: below this nothing is a bomb.
HARMLESS = 1024**3


class BrokenDisk(Exception):
    """The file is not one that any tool should open; the sentence says why."""


class Disk:
    """A file to be checked; ``size`` is its length in bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)

    def read(self, offset: int, length: int, what: str) -> bytes:
        """Return exactly these bytes; raise BrokenDisk when the file ends before them."""
        self.require(offset, length, what)
        self._file.seek(offset)
        data = self._file.read(length)
        while len(data) < length and (more := self._file.read(length - len(data))):
            data += more  # a file in a remote store comes in parts
        if len(data) != length:
            raise BrokenDisk(f"it is truncated: its {what} is incomplete")
        return data

    def require(self, offset: int, length: int, what: str) -> None:
        """Raise BrokenDisk unless the file has these bytes."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise BrokenDisk(f"it is truncated: its {what} lies past its end")

    def pieces(
        self, offset: int, entries: int, kind: Literal["I", "Q"], order: str, what: str
    ) -> Iterator[array[int]]:
        """Yield a table's entries in arrays of at most PIECE bytes; order is "big" or "little"."""
        width = array(kind).itemsize
        self.require(offset, entries * width, what)
        end = offset + entries * width
        while offset < end:
            raw = self.read(offset, min(PIECE, end - offset), what)
            offset += len(raw)
            values = array(kind, raw)
            if order != sys.byteorder:
                values.byteswap()
            yield values


def check_expansion(disk: Disk, *, plain: int, compressed: int = 0) -> None:
    """Raise BrokenDisk when the data that tables name cannot be in the file, or is a bomb.

    ``plain`` and ``compressed``: bytes of the disk that are said to be stored that way.
    """
    if plain > disk.size:
        raise BrokenDisk("its tables name more data than the file has")
    if compressed > HARMLESS and compressed > MAX_EXPANSION * disk.size:
        raise BrokenDisk(f"its data expands to more than {MAX_EXPANSION} times the file's size")
