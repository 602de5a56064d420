"""VMDK: sparse disks in one file (monolithicSparse, streamOptimized); all others name more files.

Source of the layout: VMware's Virtual Disk Format 1.1. Where a reader could look at another place
than we do (QEMU reads 20 sectors of description, whatever the header says), both are checked.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from cloudweb.disks.reading import BrokenDisk, Disk, check_expansion

_HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
_MAGIC = b"KDMV"
_SECTOR = 512
_DESCRIPTION_AT = 1
_DESCRIPTION_LEAST = 20  # sectors that a reader may look at
_DESCRIPTION_MOST = 2048
_AT_END = 0xFFFFFFFFFFFFFFFF
_ZERO_GRAINS = 1 << 2
_COMPRESSED = 1 << 16
_DEFLATE = 1
_TABLE_ENTRIES = 512  # in every file; fewer would make a small disk endless to check
_GRAINS = (128, 2048)  # sectors, 64 KiB to 1 MiB; everyone writes 128
_MAX_DIRECTORY = 64 * 1024**2  # entries, as QEMU
_KINDS = {"monolithicsparse", "streamoptimized"}
_EXTENT = re.compile(r'(?:rw|rdonly) (\d{1,15}) sparse "[^"/\\:]{1,255}"\Z')
_EXTENT_WORDS = ("rw", "rdonly", "noaccess")


@dataclass(frozen=True, slots=True)
class _Header:
    """Counts in sectors."""

    version: int
    flags: int
    capacity: int
    grain: int
    description_at: int
    description_size: int
    table_entries: int
    directory_at: int
    compression: int


def check(disk: Disk) -> None:
    """Raise BrokenDisk unless all of the disk is in this one file."""
    header = _header(disk, 0, "header")
    if header.directory_at == _AT_END:
        end = _header(disk, disk.size - 2 * _SECTOR, "footer")
        if _without_directory(end) != _without_directory(header) or end.directory_at == _AT_END:
            raise BrokenDisk("its footer contradicts its header")
        header = end
    _check_header(header)
    _check_description(disk, header)
    _check_grains(disk, header)


def _header(disk: Disk, offset: int, what: str) -> _Header:
    (
        magic, version, flags, capacity, grain, description_at, description_size, table_entries,
        _redundant_at, directory_at, _overhead, _unclean, line_ends, compression,
    ) = _HEADER.unpack(disk.read(offset, _HEADER.size, what))  # fmt: skip
    if magic != _MAGIC:
        raise BrokenDisk(f"it has no sound {what}")
    if line_ends != b"\n \r\n":
        raise BrokenDisk("it was changed by a transfer as text")
    return _Header(
        version, flags, capacity, grain, description_at, description_size, table_entries,
        directory_at, compression,
    )  # fmt: skip


def _without_directory(header: _Header) -> tuple[int, ...]:
    return (
        header.version, header.flags, header.capacity, header.grain, header.description_at,
        header.description_size, header.table_entries, header.compression,
    )  # fmt: skip


def _check_header(header: _Header) -> None:
    if header.version not in (1, 2, 3):
        raise BrokenDisk("its version is not supported")
    if not header.capacity or header.capacity >= 1 << 54:
        raise BrokenDisk("its capacity is out of range")  # none: a reader follows the description
    if not _GRAINS[0] <= header.grain <= _GRAINS[1] or header.grain & (header.grain - 1):
        raise BrokenDisk("its grain size is out of range")
    if header.table_entries != _TABLE_ENTRIES:
        raise BrokenDisk("its tables are out of range")
    if header.flags & _COMPRESSED and header.compression != _DEFLATE:
        raise BrokenDisk("its compression is unknown")
    if header.description_at != _DESCRIPTION_AT:
        raise BrokenDisk("its description is out of place")
    if not 0 < header.description_size <= _DESCRIPTION_MOST:
        raise BrokenDisk("its description is out of range")


def _check_description(disk: Disk, header: _Header) -> None:
    length = max(header.description_size, _DESCRIPTION_LEAST) * _SECTOR
    start = _DESCRIPTION_AT * _SECTOR
    raw = disk.read(start, min(length, disk.size - start), "description")
    if b"parentfilenamehint" in raw.lower():
        raise BrokenDisk("it names a parent disk (a backing file)")
    text = raw[: header.description_size * _SECTOR].split(b"\0", 1)[0]
    try:
        lines = [line.strip().lower() for line in text.decode("ascii").splitlines()]
    except UnicodeDecodeError:
        raise BrokenDisk("its description is not plain text") from None
    if _fact(lines, "createtype").strip('"') not in _KINDS:
        raise BrokenDisk("it is of a kind with external extents, or of none")
    if _fact(lines, "parentcid") not in ("ffffffff", ""):
        raise BrokenDisk("it names a parent disk (a backing file)")
    extents = [line for line in lines if line.split(" ")[0] in _EXTENT_WORDS]
    if any(not _is_known(line) for line in lines if line not in extents):
        raise BrokenDisk("its description says what no tool writes")
    matched = [_EXTENT.match(line) for line in extents]
    if len(extents) != 1 or matched[0] is None or int(matched[0][1]) != header.capacity:
        raise BrokenDisk("its description names other extents than the one in the file")


def _is_known(line: str) -> bool:
    name, equals, _value = line.partition("=")
    return not line or line.startswith("#") or bool(equals and " " not in name.strip())


def _fact(lines: list[str], name: str) -> str:
    """Return what the description says of this; nothing when it says several things."""
    found = [line.partition("=")[2].strip() for line in lines if line.startswith(name)]
    return found[0] if len(found) == 1 else "" if not found else "several"


def _check_grains(disk: Disk, header: _Header) -> None:
    entries = -(-header.capacity // (_TABLE_ENTRIES * header.grain))
    if entries > _MAX_DIRECTORY:
        raise BrokenDisk("its tables are out of range")
    is_compressed = bool(header.flags & _COMPRESSED)
    grain_size = header.grain * _SECTOR
    least = _SECTOR if is_compressed else grain_size
    lowest = 2 if header.flags & _ZERO_GRAINS else 1  # 1 stands for a grain of zeros then
    stored = 0
    at = header.directory_at * _SECTOR
    for directory in disk.pieces(at, entries, "I", "little", "directory of grains"):
        for table in filter(None, directory):
            place = table * _SECTOR
            for grains in disk.pieces(place, _TABLE_ENTRIES, "I", "little", "grain table"):
                named = [grain for grain in grains if grain >= lowest]
                if named:
                    disk.require(max(named) * _SECTOR, least, "data")
                stored += len(named) * grain_size
            if is_compressed:
                check_expansion(disk, plain=0, compressed=stored)
            else:
                check_expansion(disk, plain=stored)
