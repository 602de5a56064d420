"""qcow2: header, header extensions and every table.

Source of the layout: QEMU's docs/interop/qcow2.txt.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass

from cloudweb.disks.reading import BrokenDisk, Disk, check_expansion

MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_DATA_FILE_BIT = 1 << 2
_CORRUPT_BIT = 1 << 1
_COMPRESSION_BIT = 1 << 3
_KNOWN_BITS = 0xF
_ZSTD = 1
_EXTENSION_END = 0x00000000
_REFUSED_EXTENSIONS = {
    0x44415441: "it names an external data file",
    0x0537BE77: "it is encrypted, and hosts have no key for it",
    0x23852875: "it carries bitmaps of a backup",
}
_OFFSET = 0x00FFFFFFFFFFFE00
_COMPRESSED = 1 << 62
_MAX_L1_BYTES = 32 * 1024**2  # as QEMU
_MAX_TABLE_BYTES = 1024**3  # some seconds of reading; 8 TiB of data in clusters of 64 KiB


@dataclass(slots=True)
class _Stored:
    """Clusters of the guest that tables say are in the file."""

    plain: int = 0
    compressed: int = 0


def check(disk: Disk) -> None:
    """Walk all tables of the file; raise BrokenDisk at the first thing that cannot be.

    Memory stays at one table; the time grows with the file, since no table is read twice.
    """
    _check_clusters(disk, *check_header(disk))


def check_header(disk: Disk) -> tuple[int, int, int]:
    """Look at all but the tables; return bits of a cluster, and where the first table is and its entries."""
    header = disk.read(0, _HEADER.size, "header")
    (
        magic, version, backing, backing_size, cluster_bits, virtual_size, crypt,
        l1_entries, l1_offset, refcount_offset, refcount_clusters, snapshots, _snapshot_offset,
    ) = _HEADER.unpack(header)  # fmt: skip
    if magic != MAGIC or version not in (2, 3):
        raise BrokenDisk("it has no qcow2 header of version 2 or 3")
    if backing or backing_size:
        raise BrokenDisk("it has a backing file")
    if not 9 <= cluster_bits <= 21:
        raise BrokenDisk("its cluster size is out of range")
    if crypt:
        raise BrokenDisk(_REFUSED_EXTENSIONS[0x0537BE77])
    cluster = 1 << cluster_bits
    header_length = _check_version_3(disk, cluster) if version == 3 else _HEADER.size
    _check_extensions(disk, header_length, cluster)
    needed = -(-virtual_size // (cluster * (cluster // 8)))
    if l1_entries < needed or l1_entries * 8 > _MAX_L1_BYTES:
        raise BrokenDisk("its first table does not fit its virtual size")
    if l1_entries:
        _check_offset(disk, l1_offset, l1_entries * 8, cluster, "first table")
    _check_offset(
        disk, refcount_offset, refcount_clusters * cluster, cluster, "reference count table"
    )
    if snapshots:
        raise BrokenDisk("it has internal snapshots: other disks, which nobody looks into")
    return cluster_bits, l1_offset, l1_entries


def _check_version_3(disk: Disk, cluster: int) -> int:
    more = disk.read(72, 32, "header")
    incompatible, _compatible, _autoclear, refcount_order, header_length = struct.unpack(
        ">QQQII", more
    )
    if incompatible & _DATA_FILE_BIT:
        raise BrokenDisk(_REFUSED_EXTENSIONS[0x44415441])
    if incompatible & _CORRUPT_BIT:
        raise BrokenDisk("it is marked as corrupt")
    if incompatible & ~_KNOWN_BITS:
        raise BrokenDisk("it uses unknown or unsupported features")
    if refcount_order > 6 or not 104 <= header_length <= cluster or header_length % 8:
        raise BrokenDisk("its header is out of range")
    method = disk.read(104, 1, "header")[0] if header_length > 104 else 0
    if method != (_ZSTD if incompatible & _COMPRESSION_BIT else 0):
        raise BrokenDisk("its compression is unknown")
    return int(header_length)


def _check_extensions(disk: Disk, position: int, cluster: int) -> None:
    while position + 8 <= cluster:
        kind, length = struct.unpack(">II", disk.read(position, 8, "header extension"))
        if kind == _EXTENSION_END:
            return
        if kind in _REFUSED_EXTENSIONS:
            raise BrokenDisk(_REFUSED_EXTENSIONS[kind])
        position += 8 + -(-length // 8) * 8
    if position > cluster:
        raise BrokenDisk("its header extensions run out of the header")


def _check_clusters(disk: Disk, cluster_bits: int, l1_offset: int, l1_entries: int) -> None:
    cluster = 1 << cluster_bits
    stored = _Stored()
    seen: set[int] = set()
    for first in disk.pieces(l1_offset, l1_entries, "Q", "big", "first table"):
        for entry in first:
            table = entry & _OFFSET
            if not table:
                continue
            _check_offset(disk, table, cluster, cluster, "second table")
            if table in seen:
                raise BrokenDisk("two of its tables are the same")
            seen.add(table)
            if len(seen) * cluster > _MAX_TABLE_BYTES:
                raise BrokenDisk("it has more tables than can be checked")
            for second in disk.pieces(table, cluster // 8, "Q", "big", "second table"):
                _check_pointers(disk, cluster_bits, second, stored)
            check_expansion(
                disk, plain=stored.plain * cluster, compressed=stored.compressed * cluster
            )


def _check_pointers(disk: Disk, cluster_bits: int, pointers: array[int], stored: _Stored) -> None:
    if not any(pointers):
        return
    size, whole = disk.size, 1 << cluster_bits
    shift = 62 - (cluster_bits - 8)  # of a compressed cluster's sector count
    for pointer in pointers:
        if pointer & _COMPRESSED:
            start = pointer & ((1 << shift) - 1)
            sectors = (pointer & (_COMPRESSED - 1)) >> shift  # besides the first one
            if start // 512 + sectors >= -(-size // 512):
                raise BrokenDisk("it is truncated: compressed data lies past its end")
            stored.compressed += 1
        elif offset := pointer & _OFFSET:
            # the last cluster may be short: what is not there reads as zeros, by the format
            if offset >= size or offset % whole:
                raise BrokenDisk("it is truncated: data lies past its end or between clusters")
            stored.plain += 1


def _check_offset(disk: Disk, offset: int, length: int, cluster: int, what: str) -> None:
    if offset % cluster or offset < cluster:
        raise BrokenDisk(f"its {what} is out of place")
    disk.require(offset, length, what)
