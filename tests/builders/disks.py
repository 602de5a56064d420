"""Disk images byte by byte, sound ones and hostile ones."""

from __future__ import annotations

import io
import struct
import tarfile

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
    header_length: int = 104,
    compression: int = 0,
    snapshots: int = 0,
    backing_size: int | None = None,
    clusters: list[bytes] | None = None,
) -> bytes:
    """A qcow2 file: header, refcount table and block, first table, then ``clusters`` as data.

    With data, the first table points to a second table, which points to each cluster in turn.
    """
    cluster = 1 << cluster_bits
    needed = -(-size // (cluster * (cluster // 8)))
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", QCOW2_MAGIC, version, 512 if backing else 0,
        len(backing) if backing_size is None else backing_size, cluster_bits,
        size, crypt, needed if l1_entries is None else l1_entries,
        3 * cluster if l1_offset is None else l1_offset,
        cluster if refcount_offset is None else refcount_offset, 1, snapshots,
        4 * cluster if snapshots else 0,
    )  # fmt: skip
    if version == 3:
        header += struct.pack(">QQQII", incompatible, 0, 0, 4, header_length)
        if 104 < header_length <= 512:
            header += bytes([compression]).ljust(header_length - 104, b"\0")
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


def bomb() -> bytes:
    """A qcow2 of some megabytes that says it expands to 512 GiB of compressed clusters."""
    cluster = 1 << 21
    pointers = [1 << 62 | 5 * cluster + 512 * (number % 64) for number in range(cluster // 8)]
    whole = qcow2(size=2**39, cluster_bits=21, clusters=[bytes(cluster)])
    second = struct.pack(f">{len(pointers)}Q", *pointers)
    return whole[: 4 * cluster] + second + whole[5 * cluster :]


def iso(
    *,
    sectors: int = 32,
    claimed: int | None = None,
    block: int = 2048,
    boot: bytes = b"",
    catalog: int = 20,
    boot_image: int = 21,
    boot_records: int = 1,
    end: bool = True,
    system_area: bytes = b"",
) -> bytes:
    """An ISO 9660 file system without files; ``boot`` names the system of its boot records."""
    size = sectors if claimed is None else claimed
    primary = b"\x01CD001\x01\0".ljust(80, b"\0")
    primary += struct.pack("<I", size) + struct.pack(">I", size)
    primary = primary.ljust(128, b"\0") + struct.pack("<H", block) + struct.pack(">H", block)
    record = (b"\0CD001\x01" + boot).ljust(71, b"\0") + struct.pack("<I", catalog)
    descriptors = [primary, *([record] * boot_records if boot else [])]
    if end:
        descriptors.append(b"\xffCD001\x01")
    body = system_area.ljust(32768, b"\0")
    body += b"".join(descriptor.ljust(2048, b"\0") for descriptor in descriptors)
    body = body.ljust(20 * 2048, b"\0")
    if boot:
        first = bytearray(b"\x01\0\0\0".ljust(30, b"\0") + b"\x55\xaa")
        first[28:30] = struct.pack("<H", -sum(struct.unpack("<16H", first)) & 0xFFFF)
        entry = struct.pack("<BBHBBHI", 0x88, 0, 0, 0, 0, 4, boot_image).ljust(32, b"\0")
        body += (bytes(first) + entry).ljust(2048, b"\0")
    return body.ljust(sectors * 2048, b"\0")


EL_TORITO = b"EL TORITO SPECIFICATION"


def luks() -> bytes:
    """The header of a LUKS disk, version 1."""
    header = struct.pack(">6sH32s32s32sII", b"LUKS\xba\xbe", 1, b"aes", b"xts", b"sha256", 4096, 32)
    return header.ljust(8192, b"\0")


def tar(name: str, data: bytes) -> bytes:
    """A tar archive with one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()
