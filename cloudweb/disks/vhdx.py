"""VHDX (Hyper-V): headers, region table, metadata and the allocation table.

Source of the layout: Microsoft's [MS-VHDX]. Numbers are little-endian.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

from cloudweb.disks.reading import BrokenDisk, Disk, check_expansion

_KIB, _MIB = 1024, 1024**2
_HEADERS = (64 * _KIB, 128 * _KIB)
_REGIONS = (192 * _KIB, 256 * _KIB)
_TABLE = 64 * _KIB
_MOST_ENTRIES = 2047
_BAT = uuid.UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
_METADATA = uuid.UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
_PARAMETERS = uuid.UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
_SIZE = uuid.UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
_SECTOR_SIZE = uuid.UUID("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
_PARENT = uuid.UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
_HAS_PARENT = 1 << 1
_STATE = 7
_PRESENT, _PARTIALLY = 6, 7
_IN_FILE = 0xFFFFFFFFFFF00000
_LARGEST = 64 * 1024**4


@dataclass(frozen=True, slots=True)
class _Region:
    offset: int
    length: int


def check(disk: Disk) -> None:
    """Raise BrokenDisk unless this is a whole disk of its own that was closed in order."""
    if disk.read(0, 8, "identifier") != b"vhdxfile":
        raise BrokenDisk("it has no identifier")
    _check_headers(disk)
    regions = _regions(disk)
    if _BAT not in regions or _METADATA not in regions:
        raise BrokenDisk("a region it needs is missing")
    block_size, sector_size, size = _metadata(disk, regions[_METADATA])
    _check_blocks(disk, regions[_BAT], block_size, sector_size, size)


def _check_headers(disk: Disk) -> None:
    for offset in _HEADERS:
        raw = disk.read(offset, 80, "header")
        if raw[:4] != b"head":
            raise BrokenDisk("one of its headers is missing")
        version: int = struct.unpack_from("<H", raw, 66)[0]
        if version != 1:
            raise BrokenDisk("its version is not supported")
        if any(raw[48:64]):
            raise BrokenDisk("it was not closed in order: its log has to be replayed")


def _regions(disk: Disk) -> dict[uuid.UUID, _Region]:
    raw, copy = (disk.read(offset, _TABLE, "region table") for offset in _REGIONS)
    signature, _checksum, count, _reserved = struct.unpack_from("<4sIII", raw)
    if signature != b"regi" or raw != copy or count > _MOST_ENTRIES:
        raise BrokenDisk("its region tables are not sound or contradict each other")
    found: dict[uuid.UUID, _Region] = {}
    for number in range(count):
        name, offset, length, required = struct.unpack_from("<16sQII", raw, 16 + 32 * number)
        key = uuid.UUID(bytes_le=name)
        if key in found or offset < _MIB or offset % _MIB:
            raise BrokenDisk("its regions are out of place")
        if key not in (_BAT, _METADATA) and required & 1:
            raise BrokenDisk("it needs a region that is not known")
        disk.require(offset, length, "region")
        found[key] = _Region(offset, length)
    return found


def _metadata(disk: Disk, region: _Region) -> tuple[int, int, int]:
    """Return the size of a block, of a sector and of the disk."""
    raw = disk.read(region.offset, min(_TABLE, region.length), "metadata")
    if len(raw) < 32 or raw[:8] != b"metadata":
        raise BrokenDisk("its metadata is missing")
    count: int = struct.unpack_from("<H", raw, 10)[0]
    if 32 + 32 * count > len(raw):
        raise BrokenDisk("its metadata is out of range")
    items: dict[uuid.UUID, _Region] = {}
    for number in range(count):
        name, offset, length, _flags = struct.unpack_from("<16sIII", raw, 32 + 32 * number)
        key = uuid.UUID(bytes_le=name)
        if key in items or offset + length > region.length:
            raise BrokenDisk("its metadata is out of range")
        items[key] = _Region(region.offset + offset, length)
    block_size, flags = struct.unpack("<II", _item(disk, items, _PARAMETERS, 8))
    if flags & _HAS_PARENT or _PARENT in items:
        raise BrokenDisk("it is a difference to another disk (a parent)")
    size: int = struct.unpack("<Q", _item(disk, items, _SIZE, 8))[0]
    sector_size: int = struct.unpack("<I", _item(disk, items, _SECTOR_SIZE, 4))[0]
    if not _MIB <= block_size <= 256 * _MIB or block_size & (block_size - 1):
        raise BrokenDisk("its block size is out of range")
    if sector_size not in (512, 4096) or not 0 < size <= _LARGEST or size % sector_size:
        raise BrokenDisk("its size is out of range")
    return block_size, sector_size, size


def _item(disk: Disk, items: dict[uuid.UUID, _Region], key: uuid.UUID, length: int) -> bytes:
    place = items.get(key)
    if place is None or place.length != length:
        raise BrokenDisk("a piece of its metadata is missing")
    return disk.read(place.offset, length, "metadata")


def _check_blocks(
    disk: Disk, region: _Region, block_size: int, sector_size: int, size: int
) -> None:
    ratio = (2**23 * sector_size) // block_size  # after so many blocks comes one bitmap
    blocks = -(-size // block_size)
    entries = blocks + (blocks - 1) // ratio
    if entries * 8 > region.length:
        raise BrokenDisk("its table does not fit its virtual size")
    stored = position = 0
    for table in disk.pieces(region.offset, entries, "Q", "little", "table of blocks"):
        for entry in table:
            is_bitmap = position % (ratio + 1) == ratio
            position += 1
            state = entry & _STATE
            if is_bitmap:
                if state:
                    raise BrokenDisk("it has bitmaps of a difference to another disk")
            elif state == _PARTIALLY:
                raise BrokenDisk("it is a difference to another disk (a parent)")
            elif state == _PRESENT:
                disk.require(entry & _IN_FILE, block_size, "data")
                stored += 1
        check_expansion(disk, plain=stored * block_size)
