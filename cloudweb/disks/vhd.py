"""VHD (Virtual PC, Azure): fixed and dynamic disks; differencing ones are refused.

Source of the layout: Microsoft's Virtual Hard Disk Image Format Specification.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cloudweb.disks.reading import BrokenDisk, Disk, check_expansion

MAGIC = b"conectix"
FOOTER = 512
_FOOTER = struct.Struct(">8sIIQI4sII QQHBBII16sB427s")
_HEADER = struct.Struct(">8sQQIIII16sII512s192s256s")
_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_VERSION = 0x00010000
_NOT_STORED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Footer:
    """What a footer says; ``size`` is the disk's in bytes."""

    kind: int
    header_offset: int
    size: int

    @property
    def is_fixed(self) -> bool:
        """Tell whether the disk's data stands in front of the footer as it is."""
        return self.kind == _FIXED


def footer(raw: bytes) -> Footer | None:
    """Return what these 512 bytes say, or None when they are no VHD footer."""
    if len(raw) < FOOTER or not raw.startswith(MAGIC):
        return None
    (
        _cookie, _features, _version, header_offset, _time, _creator, _creator_version, _system,
        _original, size, _cylinders, _heads, _sectors, kind, checksum, _id, _saved, _rest,
    ) = _FOOTER.unpack(raw[:FOOTER])  # fmt: skip
    if checksum != _sum(raw[:FOOTER], at=64):
        return None
    return Footer(kind=kind, header_offset=header_offset, size=size)


def check(disk: Disk) -> None:
    """Raise BrokenDisk unless this is a whole disk of its own."""
    raw = disk.read(disk.size - FOOTER, FOOTER, "footer")
    found = footer(raw)
    if found is None:
        raise BrokenDisk("it is truncated: it has no sound footer at its end")
    if found.kind == _DIFFERENCING:
        raise BrokenDisk("it is a difference to another disk (a parent)")
    if found.kind not in (_FIXED, _DYNAMIC) or not found.size or found.size % 512:
        raise BrokenDisk("its kind or size is out of range")
    if found.is_fixed:
        if disk.size - FOOTER != found.size:
            raise BrokenDisk("it is truncated: its size is not the one in its footer")
        return
    if disk.read(0, FOOTER, "first footer") != raw:
        raise BrokenDisk("its footer contradicts the copy in front")
    _check_dynamic(disk, found)


def _check_dynamic(disk: Disk, found: Footer) -> None:
    raw = disk.read(found.header_offset, _HEADER.size, "header")
    (
        cookie, _next, table_offset, version, entries, block_size, checksum, parent_id,
        _parent_time, _reserved, parent_name, locators, _rest,
    ) = _HEADER.unpack(raw)  # fmt: skip
    if cookie != b"cxsparse" or version != _VERSION or checksum != _sum(raw, at=36):
        raise BrokenDisk("its header is not sound")
    if any(parent_id) or any(parent_name) or any(locators):
        raise BrokenDisk("it names a parent disk")
    if not 512 * 1024 <= block_size <= 256 * 1024**2 or block_size & (block_size - 1):
        raise BrokenDisk("its block size is out of range")
    if entries * block_size < found.size:
        raise BrokenDisk("its table does not fit its virtual size")
    bitmap = -(-(block_size // 512 // 8) // 512) * 512
    stored = 0
    needed = -(-found.size // block_size)
    disk.require(table_offset, entries * 4, "table of blocks")
    for sectors in disk.pieces(table_offset, needed, "I", "big", "table of blocks"):
        for sector in sectors:
            if sector != _NOT_STORED:
                disk.require(sector * 512, bitmap + block_size, "data")
                stored += 1
        check_expansion(disk, plain=stored * block_size)


def _sum(raw: bytes, *, at: int) -> int:
    """Return the checksum of a structure that has it ``at`` an offset: the ones' complement."""
    return ~(sum(raw) - sum(raw[at : at + 4])) & 0xFFFFFFFF
