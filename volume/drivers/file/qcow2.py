"""qcow2 files of our own making: their headers, read and written without starting a program.

Only files that this driver made are read here; an image's is looked into before (``cloudweb/disks``).
Source of the layout: QEMU's docs/interop/qcow2.txt.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from cloudweb.driver import DriverError

MAGIC = b"QFI\xfb"
CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_EXTENSION = struct.Struct(">II")
_BACKING_FORMAT = 0xE2792ACA
_ENTRY = 8  # bytes of a table's entry
_REFCOUNTS = CLUSTER // 2  # in a block of 16-bit counts
_MAX_NAME = 1023


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself: bytes of the disk, and the name of what is below it ("" for nothing)."""

    size: int
    backing: str = ""
    backing_format: str = ""


def read_header(path: Path) -> Header:
    """Return a file's header; raise DriverError for what is none."""
    with path.open("rb") as file:
        start = file.read(CLUSTER)
    if len(start) < _HEADER.size or start[:4] != MAGIC:
        raise DriverError("A volume's file is damaged.", detail=str(path))
    _, _, at, length, _, size, *_, header_length = _HEADER.unpack_from(start)
    if at + length > len(start):
        raise DriverError("A volume's file is damaged.", detail=str(path))
    backing = start[at : at + length].decode() if at else ""
    return Header(size, backing, _backing_format(start, header_length))


def make(path: Path, size: int, *, backing: str = "", backing_format: str = "") -> None:
    """Write a new file of so many bytes that holds nothing, or what is in ``backing``, and sync it."""
    entries = -(-size // (CLUSTER * (CLUSTER // _ENTRY)))
    l1_clusters = max(1, -(-entries * _ENTRY // CLUSTER))
    used = 3 + l1_clusters  # header, table of counts, counts, first table
    name = backing.encode()
    if used > _REFCOUNTS or len(name) > _MAX_NAME:
        raise DriverError("A volume cannot be as large as that.", detail=f"{size} {backing}")
    extensions = b""
    if backing:
        kind = backing_format.encode()
        padded = kind.ljust(-(-len(kind) // 8) * 8, b"\0")
        extensions = _EXTENSION.pack(_BACKING_FORMAT, len(kind)) + padded
    extensions += _EXTENSION.pack(0, 0)
    header = _HEADER.pack(
        MAGIC,
        3,
        _HEADER.size + len(extensions) if backing else 0,
        len(name),
        CLUSTER_BITS,
        size,
        0,  # no encryption
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
    with path.open("wb") as file:
        file.write(header + extensions + name)
        file.seek(CLUSTER)
        file.write(struct.pack(">Q", 2 * CLUSTER))
        file.seek(2 * CLUSTER)
        file.write(counts)
        file.truncate(used * CLUSTER)
        file.flush()
        os.fsync(file.fileno())


def _backing_format(start: bytes, position: int) -> str:
    while position + _EXTENSION.size <= len(start):
        kind, length = _EXTENSION.unpack_from(start, position)
        position += _EXTENSION.size
        if kind == 0:
            return ""
        if kind == _BACKING_FORMAT:
            return start[position : position + length].decode()
        position += -(-length // 8) * 8
    return ""
