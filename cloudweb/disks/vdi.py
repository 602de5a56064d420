"""VDI (VirtualBox): the header and the map of blocks.

Source of the layout: the header's description in QEMU's block/vdi.c.
"""

from __future__ import annotations

import struct

from cloudweb.disks.reading import BrokenDisk, Disk, check_expansion

_SIGNATURE = 0xBEDA107F
_HEADER = struct.Struct("<IIIII256sIIIIIIIQIIII16s16s16s16s")
_HEADER_AT = 0x40
_VERSION_1_1 = 0x00010001
_DYNAMIC, _STATIC = 1, 2
_BLOCK = 1024**2
_NOT_STORED = 0xFFFFFFFE  # and above: never written, or discarded


def check(disk: Disk) -> None:
    """Raise BrokenDisk unless this is a whole disk of its own (not a difference to another)."""
    (
        signature, version, _header_size, kind, _flags, _text, map_offset, data_offset,
        _cylinders, _heads, _sectors, sector_size, _unused, virtual_size, block_size, extra,
        blocks, allocated, _id, _snapshot_id, link, parent,
    ) = _HEADER.unpack(disk.read(_HEADER_AT, _HEADER.size, "header"))  # fmt: skip
    if signature != _SIGNATURE or version != _VERSION_1_1:
        raise BrokenDisk("its version is not supported")
    if any(link) or any(parent) or kind not in (_DYNAMIC, _STATIC):
        raise BrokenDisk("it is a difference to another disk (a parent)")
    if sector_size != 512 or block_size != _BLOCK or extra:
        raise BrokenDisk("its block size is not supported")
    if not virtual_size or blocks != -(-virtual_size // block_size) or allocated > blocks:
        raise BrokenDisk("its blocks do not fit its virtual size")
    if map_offset < 512 or map_offset % 512 or data_offset % 512:
        raise BrokenDisk("its tables are out of place")
    if map_offset + 4 * blocks > data_offset:
        raise BrokenDisk("its map of blocks lies over its data")
    stored = 0
    for entries in disk.pieces(map_offset, blocks, "I", "little", "map of blocks"):
        for block in entries:
            if block < _NOT_STORED:
                disk.require(data_offset + block * block_size, block_size, "data")
                stored += 1
        check_expansion(disk, plain=stored * block_size)
