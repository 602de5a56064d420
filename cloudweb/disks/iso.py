"""ISO 9660: the volume descriptors, and the boot records that they name.

Source of the layout: ECMA-119 and the El Torito specification. What is not in the file system (a
partition table in front of it, the boot images) is looked at as far as it says where it lies.
"""

from __future__ import annotations

import struct

from cloudweb.disks.reading import BrokenDisk, Disk

_SECTOR = 2048
_FIRST = 16
_MOST_DESCRIPTORS = 64
_BOOT, _PRIMARY, _END = 0, 1, 255
_EL_TORITO = b"EL TORITO SPECIFICATION"
_HEADER_ID, _MORE_HEADERS, _LAST_HEADER = 1, 0x90, 0x91
_EXTENSION = 0x44
_BOOTABLE, _NOT_BOOTABLE = 0x88, 0x00


def check(disk: Disk) -> None:
    """Raise BrokenDisk unless all that the descriptors name is inside."""
    catalogs: list[int] = []
    primary = False
    for number in range(_MOST_DESCRIPTORS):
        raw = disk.read((_FIRST + number) * _SECTOR, _SECTOR, "list of volume descriptors")
        if raw[1:6] != b"CD001":
            raise BrokenDisk("its list of volume descriptors has no end")
        kind = raw[0]
        if kind == _END:
            break
        if kind == _PRIMARY and not primary:
            primary = True
            _check_volume(disk, raw)
        elif kind == _BOOT:
            catalogs.append(_catalog(raw))
    else:
        raise BrokenDisk("its list of volume descriptors has no end")
    if not primary:
        raise BrokenDisk("it has no ISO 9660 volume")
    if len(catalogs) > 1:
        raise BrokenDisk("it has several boot records")
    for sector in catalogs:
        _check_catalog(disk, disk.read(sector * _SECTOR, _SECTOR, "boot catalog"))


def _check_volume(disk: Disk, raw: bytes) -> None:
    blocks, blocks_again = struct.unpack("<I", raw[80:84])[0], struct.unpack(">I", raw[84:88])[0]
    size, size_again = struct.unpack("<H", raw[128:130])[0], struct.unpack(">H", raw[130:132])[0]
    if blocks != blocks_again or size != size_again:
        raise BrokenDisk("its size is said twice, and not the same")
    if size != _SECTOR or not blocks:
        raise BrokenDisk("its size is out of range")
    disk.require(0, blocks * size, "volume")


def _catalog(raw: bytes) -> int:
    if raw[7:39].rstrip(b"\0") != _EL_TORITO:
        raise BrokenDisk("it has a boot record of an unknown system")
    return int(struct.unpack("<I", raw[71:75])[0])


def _check_catalog(disk: Disk, raw: bytes) -> None:
    if raw[0] != _HEADER_ID or raw[30:32] != b"\x55\xaa":
        raise BrokenDisk("its boot catalog is not sound")
    if sum(struct.unpack("<16H", raw[:32])) & 0xFFFF:
        raise BrokenDisk("its boot catalog is not sound")
    for position in range(32, _SECTOR, 32):
        entry = raw[position : position + 32]
        if entry[0] == _BOOTABLE:
            sectors, at = struct.unpack("<HI", entry[6:12])
            disk.require(at * _SECTOR, sectors * 512, "boot image")
        elif entry[0] not in (_NOT_BOOTABLE, _MORE_HEADERS, _LAST_HEADER, _EXTENSION):
            raise BrokenDisk("its boot catalog is not sound")
