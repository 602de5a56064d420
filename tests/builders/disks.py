"""Disk images byte by byte, sound ones and hostile ones."""

from __future__ import annotations

import struct

CLUSTER = 65536
QCOW2_MAGIC = b"QFI\xfb"


def qcow2(
    *,
    size: int = 1024**3,
    version: int = 3,
    backing: bytes = b"",
    incompatible: int = 0,
    cluster_bits: int = 16,
    crypt: int = 0,
    l1_entries: int | None = None,
    l1_offset: int | None = None,
    refcount_offset: int | None = None,
    extensions: bytes = b"",
    clusters: list[bytes] | None = None,
) -> bytes:
    """A qcow2 file: header, refcount table and block, first table, then ``clusters`` as data.

    With data, the first table points to a second table, which points to each cluster in turn.
    """
    cluster = 1 << cluster_bits
    needed = -(-size // (cluster * (cluster // 8)))
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", QCOW2_MAGIC, version, 512 if backing else 0, len(backing), cluster_bits,
        size, crypt, needed if l1_entries is None else l1_entries,
        3 * cluster if l1_offset is None else l1_offset,
        cluster if refcount_offset is None else refcount_offset, 1, 0, 0,
    )  # fmt: skip
    if version == 3:
        header += struct.pack(">QQQII", incompatible, 0, 0, 4, 104)
    header += extensions + struct.pack(">II", 0, 0)
    data = clusters or []
    first, second = b"", b""
    if data:
        first = struct.pack(">Q", 4 * cluster | 1 << 63)
        pointers = [(5 + number) * cluster | 1 << 63 for number in range(len(data))]
        second = struct.pack(f">{len(data)}Q", *pointers).ljust(cluster, b"\0")
    head = (header.ljust(512, b"\0") + backing).ljust(cluster, b"\0")
    tables = head + struct.pack(">Q", 2 * cluster).ljust(cluster, b"\0")
    tables += bytes(cluster) + first.ljust(cluster, b"\0")
    return tables + second + b"".join(piece.ljust(cluster, b"\0") for piece in data)


def with_first_table(image: bytes, *entries: int) -> bytes:
    """The same file with other entries in its first table."""
    start = 3 * CLUSTER
    table = struct.pack(f">{len(entries)}Q", *entries)
    return image[:start] + table + image[start + len(table) :]


def partitioned(*entries: tuple[int, int], size: int = 8192) -> bytes:
    """A raw disk with a boot sector; entries are (boot flag, partition type)."""
    table = b"".join(
        struct.pack("<B3BB3BII", flag, 0, 2, 0, kind, 0, 0, 0, 1, 16) for flag, kind in entries
    )
    return (bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa").ljust(size, b"\0")


def vmdk_descriptor(extent: str) -> bytes:
    """A VMDK that is a description in plain text, with this extent line."""
    return (
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
        f'createType="monolithicFlat"\n\n# Extent description\n{extent}\n'
    ).encode()


def vmdk_sparse(
    extent: str = 'RW 2048 SPARSE "disk.vmdk"', kind: str = "monolithicSparse"
) -> bytes:
    """A sparse VMDK with this extent line in the descriptor inside."""
    header = struct.pack("<4sIIQQQQIQQ", b"KDMV", 1, 3, 2048, 128, 1, 20, 512, 21, 26)
    text = vmdk_descriptor(extent).replace(b"monolithicFlat", kind.encode())
    return header.ljust(512, b"\0") + text.ljust(20 * 512, b"\0") + bytes(65536)


def iso() -> bytes:
    """The volume descriptor of an ISO 9660 file system."""
    descriptor = b"\x01CD001\x01\0".ljust(2048, b"\0")
    return bytes(32768) + descriptor + b"\xffCD001\x01".ljust(2048, b"\0")
