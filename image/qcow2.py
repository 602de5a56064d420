"""The structure of a qcow2 file, read without trusting it: is all of it there, and nothing outside?

Source of the layout: QEMU's docs/interop/qcow2.txt. Backing files, data files and unknown features
are the format inspector's part (image/inspection.py); this finds truncated and impossible files.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from typing import BinaryIO

MAGIC = b"QFI\xfb"
_HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
_CORRUPT_BIT = 1 << 1
_EXTENSION_END = 0x00000000
_EXTENSION_DATA_FILE = 0x44415441
_OFFSET = 0x00FFFFFFFFFFFE00
_COMPRESSED = 1 << 62
_MAX_L1_BYTES = 32 * 1024**2  # as QEMU
_MAX_SNAPSHOTS = 65536
_MAX_TABLE_BYTES = 1024**3  # some seconds of reading; 8 TiB of data in clusters of 64 KiB


class BrokenQcow2(Exception):
    """The file is not one that a hypervisor should open; the sentence says why."""


def check(file: BinaryIO) -> None:
    """Walk all tables of the file; raise BrokenQcow2 at the first thing that cannot be.

    Memory stays at one table; the time grows with the file, since no table is read twice.
    """
    size = file.seek(0, os.SEEK_END)
    header = _read(file, 0, _HEADER.size, size, "header")
    (
        magic, version, _backing, _backing_size, cluster_bits, virtual_size, crypt,
        l1_entries, l1_offset, refcount_offset, refcount_clusters, snapshots, snapshot_offset,
    ) = _HEADER.unpack(header)  # fmt: skip
    if magic != MAGIC or version not in (2, 3):
        raise BrokenQcow2("it has no qcow2 header of version 2 or 3")
    if not 9 <= cluster_bits <= 21:
        raise BrokenQcow2("its cluster size is out of range")
    if crypt:
        raise BrokenQcow2("it is encrypted, and hosts have no key for it")
    cluster = 1 << cluster_bits
    if version == 3:
        _check_version_3(file, size, cluster)
    needed = -(-virtual_size // (cluster * (cluster // 8)))
    if l1_entries < needed or l1_entries * 8 > _MAX_L1_BYTES:
        raise BrokenQcow2("its first table does not fit its virtual size")
    if l1_entries:
        _check_offset(l1_offset, l1_entries * 8, cluster, size, "first table")
    _check_offset(
        refcount_offset, refcount_clusters * cluster, cluster, size, "reference count table"
    )
    if snapshots > _MAX_SNAPSHOTS:
        raise BrokenQcow2("it has too many snapshots")
    if snapshots:
        _check_offset(snapshot_offset, snapshots * 40, cluster, size, "snapshot table")
    _check_clusters(file, size, cluster_bits, _table(file, l1_offset, l1_entries, size))


def _check_version_3(file: BinaryIO, size: int, cluster: int) -> None:
    more = _read(file, 72, 32, size, "header")
    incompatible, _compatible, _autoclear, refcount_order, header_length = struct.unpack(
        ">QQQII", more
    )
    if incompatible & _CORRUPT_BIT:
        raise BrokenQcow2("it is marked as corrupt")
    if refcount_order > 6 or not 104 <= header_length <= cluster or header_length % 8:
        raise BrokenQcow2("its header is out of range")
    position = header_length
    while position + 8 <= cluster:
        kind, length = struct.unpack(">II", _read(file, position, 8, size, "header extension"))
        if kind == _EXTENSION_END:
            return
        if kind == _EXTENSION_DATA_FILE:
            raise BrokenQcow2("it names an external data file")
        position += 8 + -(-length // 8) * 8
    if position > cluster:
        raise BrokenQcow2("its header extensions run out of the header")


def _check_clusters(file: BinaryIO, size: int, cluster_bits: int, first: array[int]) -> None:
    cluster = 1 << cluster_bits
    shift = 62 - (cluster_bits - 8)  # of a compressed cluster's sector count
    seen: set[int] = set()
    for entry in first:
        table = entry & _OFFSET
        if not table:
            continue
        _check_offset(table, cluster, cluster, size, "second table")
        if table in seen:
            raise BrokenQcow2("two of its tables are the same")
        seen.add(table)
        if len(seen) * cluster > _MAX_TABLE_BYTES:
            raise BrokenQcow2("it has more tables than can be checked")
        for pointer in _table(file, table, cluster // 8, size):
            if pointer & _COMPRESSED:
                start = pointer & ((1 << shift) - 1)
                if start >= size:
                    raise BrokenQcow2("it is truncated: compressed data lies past its end")
            elif (pointer & _OFFSET) >= size:
                raise BrokenQcow2("it is truncated: data lies past its end")


def _check_offset(offset: int, length: int, cluster: int, size: int, what: str) -> None:
    if offset % cluster or offset < cluster:
        raise BrokenQcow2(f"its {what} is out of place")
    if offset + length > size:
        raise BrokenQcow2(f"it is truncated: its {what} lies past its end")


def _table(file: BinaryIO, offset: int, entries: int, size: int) -> array[int]:
    values = array("Q", _read(file, offset, entries * 8, size, "table"))
    if sys.byteorder == "little":
        values.byteswap()
    return values


def _read(file: BinaryIO, offset: int, length: int, size: int, what: str) -> bytes:
    if offset + length > size:
        raise BrokenQcow2(f"it is truncated: its {what} is incomplete")
    file.seek(offset)
    return file.read(length)
