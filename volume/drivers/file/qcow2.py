"""qcow2 files of our own making: their headers, read and written without starting a program.

Only files that this driver made are read here; an image's is looked into before (``cloudweb/disks``).
Source of the layout: QEMU's docs/interop/qcow2.txt.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudweb.driver import DriverError

MAGIC = b"QFI\xfb"
CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_EXTENSION = struct.Struct(">II")
_PLACE = struct.Struct(">QQ")
_BACKING_FORMAT = 0xE2792ACA
_LUKS_PLACE = 0x0537BE77
_BITMAPS = 0x23852875
_LUKS, _PLAIN = 2, 0
_ENTRY = 8  # bytes of a table's entry
_REFCOUNTS = CLUSTER // 2  # in a block of 16-bit counts
_MAX_NAME = 1023


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself: bytes of the disk, and the name of what is below it ("" for nothing).

    ``luks`` is where in the file its LUKS header is, and how long; None where nothing is encrypted.
    ``bitmaps``: some program keeps there what was written since a time of its own.
    """

    size: int
    backing: str = ""
    backing_format: str = ""
    luks: tuple[int, int] | None = None
    bitmaps: bool = False


def read_header(path: Path) -> Header:
    """Return a file's header; raise DriverError for what is none."""
    with path.open("rb") as file:
        start = file.read(CLUSTER)
    if len(start) < _HEADER.size or start[:4] != MAGIC:
        raise DriverError("A volume's file is damaged.", detail=str(path))
    _, _, at, length, _, size, method, *_, header_length = _HEADER.unpack_from(start)
    if at + length > len(start):
        raise DriverError("A volume's file is damaged.", detail=str(path))
    backing = start[at : at + length].decode() if at else ""
    said = _extensions(start, header_length)
    luks = None
    if method != _PLAIN:
        if method != _LUKS or len(said.get(_LUKS_PLACE, b"")) != _PLACE.size:
            raise DriverError("A volume's file is damaged.", detail=str(path))
        luks = _PLACE.unpack(said[_LUKS_PLACE])
    below = said.get(_BACKING_FORMAT, b"").decode()
    return Header(size, backing, below, luks, bitmaps=_BITMAPS in said)


def read_luks(path: Path) -> bytes:
    """Return a file's LUKS header, which a file above it may have, too; nothing if it has none."""
    place = read_header(path).luks
    if place is None:
        return b""
    with path.open("rb") as file:
        file.seek(place[0])
        return file.read(place[1])


def make(
    path: Path, size: int, *, backing: str = "", backing_format: str = "", luks: bytes = b""
) -> None:
    """Write a new file of so many bytes that holds nothing, or what is in ``backing``, and sync it.

    With a LUKS header what is written to it later is encrypted, by the key that is in there. Whatever happens,
    the full disk included, there is a whole file or none.
    """
    entries = -(-size // (CLUSTER * (CLUSTER // _ENTRY)))
    l1_clusters = max(1, -(-entries * _ENTRY // CLUSTER))
    luks_at = 3 + l1_clusters  # after header, table of counts, counts, first table
    used = luks_at + -(-len(luks) // CLUSTER)
    name = backing.encode()
    if used > _REFCOUNTS or len(name) > _MAX_NAME:
        raise DriverError("A volume cannot be as large as that.", detail=f"{size} {backing}")
    extensions = b""
    if backing:
        kind = backing_format.encode()
        padded = kind.ljust(-(-len(kind) // 8) * 8, b"\0")
        extensions = _EXTENSION.pack(_BACKING_FORMAT, len(kind)) + padded
    if luks:
        where = _PLACE.pack(luks_at * CLUSTER, len(luks))
        extensions += _EXTENSION.pack(_LUKS_PLACE, len(where)) + where
    extensions += _EXTENSION.pack(0, 0)
    header = _HEADER.pack(
        MAGIC,
        3,
        _HEADER.size + len(extensions) if backing else 0,
        len(name),
        CLUSTER_BITS,
        size,
        _LUKS if luks else _PLAIN,
        entries,
        3 * CLUSTER,
        CLUSTER,
        1,
        0,
        0,
        0,
        0,
        0,
        4,
        _HEADER.size,
    )
    counts = struct.pack(">H", 1) * used
    draft = draft_of(path)
    try:
        with draft.open("wb") as file:
            file.write(header + extensions + name)
            file.seek(CLUSTER)
            file.write(struct.pack(">Q", 2 * CLUSTER))
            file.seek(2 * CLUSTER)
            file.write(counts)
            for place in range(0, len(luks), CLUSTER):
                if piece := luks[place : place + CLUSTER].rstrip(b"\0"):  # most of it is nothing
                    file.seek(luks_at * CLUSTER + place)
                    file.write(piece)
            file.truncate(used * CLUSTER)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def draft_of(path: Path) -> Path:
    """Return where a file is written that is not whole yet."""
    return path.with_name(f"draft-{path.name}")


def _extensions(start: bytes, position: int) -> Mapping[int, bytes]:
    found = {}
    while position + _EXTENSION.size <= len(start):
        kind, length = _EXTENSION.unpack_from(start, position)
        position += _EXTENSION.size
        if kind == 0:
            break
        found[kind] = start[position : position + length]
        position += -(-length // 8) * 8
    return found
