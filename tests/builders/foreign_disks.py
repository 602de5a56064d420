"""Disks of other hypervisors byte by byte: VMDK, VDI, VHD and VHDX, sound ones and hostile ones."""

from __future__ import annotations

import struct
import uuid

MIB = 1024**2
SECTORS = 2048  # of 512 bytes: the disk inside has 1 MiB


def vmdk_descriptor(extent: str, *, kind: str = "monolithicFlat", more: str = "") -> bytes:
    """A VMDK's description in plain text with this extent line."""
    return (
        "# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n"
        f'createType="{kind}"\n{more}\n# Extent description\n{extent}\n'
    ).encode()


def vmdk(
    extent: str = f'RW {SECTORS} SPARSE "disk.vmdk"',
    *,
    kind: str = "monolithicSparse",
    more: str = "",
    after: bytes = b"",
    capacity: int = SECTORS,
    grain: int = 128,
    version: int = 1,
    flags: int = 3,
    compression: int = 0,
    entries: int = 512,
    description_at: int = 1,
    description_size: int = 20,
    directory: int = 21,
    footer: dict[str, int] | None = None,
    grains: list[int] | None = None,
    tables: int = 1,
    line_ends: bytes = b"\n \r\n",
) -> bytes:
    """A sparse VMDK: header, description, grain directory, one grain table, two grains.

    ``after`` is put behind the description's end; with ``footer`` the directory is named there.
    """

    def header(**changed: int) -> bytes:
        values = {"capacity": capacity, "flags": flags, "directory": directory, **changed}
        return struct.pack(
            "<4sIIQQQQIQQQB4sH", b"KDMV", version, values["flags"], values["capacity"], grain,
            description_at, description_size, entries, 0, values["directory"], 128, 0, line_ends,
            compression,
        ).ljust(512, b"\0")  # fmt: skip

    first = header(**({"directory": 2**64 - 1} if footer is not None else {}))
    text = vmdk_descriptor(extent, kind=kind, more=more)
    body = first + (text.ljust(description_size * 512 if after else 0, b"\0") + after).ljust(
        20 * 512, b"\0"
    )
    body += (struct.pack("<I", 22) * tables).ljust(512, b"\0")
    table = [128, 256] if grains is None else grains
    body += struct.pack(f"<{len(table)}I", *table).ljust(2048, b"\0")
    body = body.ljust(384 * 512, b"\0")
    if footer is not None:
        marker = struct.pack("<QII", 1, 0, 3).ljust(512, b"\0")
        body += marker + header(**footer) + bytes(512)
    return body


def vdi(
    *,
    size: int = 2 * MIB,
    kind: int = 1,
    version: int = 0x00010001,
    block: int = MIB,
    extra: int = 0,
    blocks: int = 2,
    allocated: int = 1,
    entries: tuple[int, ...] = (0, 0xFFFFFFFF),
    link: bytes = b"",
    parent: bytes = b"",
    map_at: int = 512,
    data_at: int = 1024,
) -> bytes:
    """A VDI of two blocks, the first one with data."""
    header = b"<<< QEMU VM Virtual Disk Image >>>\n".ljust(64, b"\0") + struct.pack(
        "<IIIII256sIIIIIIIQIIII16s16s16s16s", 0xBEDA107F, version, 400, kind, 0, b"", map_at,
        data_at, 0, 0, 0, 512, 0, size, block, extra, blocks, allocated, b"i" * 16, b"s" * 16,
        link, parent,
    )  # fmt: skip
    table = struct.pack(f"<{len(entries)}I", *entries).ljust(512, b"\0")
    return header.ljust(512, b"\0") + table + bytes(MIB)


def _summed(raw: bytes, at: int) -> bytes:
    return raw[:at] + struct.pack(">I", ~sum(raw) & 0xFFFFFFFF) + raw[at + 4 :]


def vhd_footer(*, size: int, kind: int, header_at: int = 2**64 - 1) -> bytes:
    """The footer of a VHD with its checksum."""
    return _summed(
        struct.pack(
            ">8sIIQI4sII QQHBBII16sB427s", b"conectix", 2, 0x10000, header_at, 0, b"qem2", 0x50003,
            0, size, size, 30, 4, 17, kind, 0, b"u" * 16, 0, b"",
        ),
        64,
    )  # fmt: skip


def vhd(
    *,
    size: int = 4 * MIB,
    kind: int = 3,
    block: int = 2 * MIB,
    entries: tuple[int, ...] = (4, 0xFFFFFFFF),
    claimed: int | None = None,
    parent: bytes = b"",
    locators: bytes = b"",
    table_at: int = 1536,
    end: bytes | None = None,
) -> bytes:
    """A dynamic VHD of two blocks, the first one with data."""
    footer = vhd_footer(size=size, kind=kind, header_at=512)
    header = _summed(
        struct.pack(
            ">8sQQIIII16sII512s192s256s", b"cxsparse", 2**64 - 1, table_at, 0x10000,
            len(entries) if claimed is None else claimed, block, 0, parent[:16], 0, 0,
            parent, locators, b"",
        ),
        36,
    )  # fmt: skip
    table = struct.pack(f">{len(entries)}I", *entries).ljust(512, b"\xff")
    data = bytes(512 + 2 * MIB)
    return footer + header + table + data + (footer if end is None else end)


def vhd_fixed(data: bytes, *, size: int | None = None) -> bytes:
    """A fixed VHD around this raw disk."""
    return data + vhd_footer(size=len(data) if size is None else size, kind=2)


_GUID = {
    "bat": "2DC27766-F623-4200-9D64-115E9BFD4A08",
    "metadata": "8B7CA206-4790-4B9A-B8FE-575F050F886E",
    "parameters": "CAA16737-FA36-4D43-B3B6-33F0AA44E76B",
    "size": "2FA54224-CD1B-4876-B211-5DBED83BF4B8",
    "sector": "8141BF1D-A96F-4709-BA47-F233A8FAAB5F",
    "parent": "A8D35F2D-B30B-454D-ABF7-D3D84834AB0C",
    "unknown": "00000000-0000-0000-0000-000000000001",
}


def vhdx(
    *,
    size: int = 2 * MIB,
    block: int = MIB,
    sector: int = 512,
    flags: int = 0,
    log: bytes = b"",
    entries: tuple[int, ...] = (3 * MIB | 6, 0),
    version: int = 1,
    items: tuple[str, ...] = ("parameters", "size", "sector"),
    regions: tuple[str, ...] = ("bat", "metadata"),
    count: int | None = None,
    metadata_at: int = MIB,
    other_table: bool = False,
) -> bytes:
    """A VHDX of two blocks, the first one with data; checksums are left out (nobody here reads them)."""

    def guid(name: str) -> bytes:
        return uuid.UUID(_GUID[name]).bytes_le

    header = (
        b"head" + bytes(4) + struct.pack("<Q", 1) + b"f" * 16 + b"d" * 16 + log.ljust(16, b"\0")
    )
    header = (header + struct.pack("<HH", 0, version)).ljust(64 * 1024, b"\0")
    places = {"bat": 2 * MIB, "metadata": metadata_at, "unknown": 2 * MIB}
    table = struct.pack("<4sIII", b"regi", 0, len(regions) if count is None else count, 0)
    for name in regions:
        table += struct.pack("<16sQII", guid(name), places[name], MIB, 1)
    table = table.ljust(64 * 1024, b"\0")
    values = {
        "parameters": struct.pack("<II", block, flags), "size": struct.pack("<Q", size),
        "sector": struct.pack("<I", sector), "parent": bytes(20),
    }  # fmt: skip
    listed, held = struct.pack("<8sHH20s", b"metadata", 0, len(items), b""), b""
    for name in items:
        listed += struct.pack("<16sIIII", guid(name), 65536 + len(held), len(values[name]), 0, 0)
        held += values[name]
    whole = b"vhdxfile".ljust(64 * 1024, b"\0") + header * 2 + table
    whole += (table[:-1] + b"x" if other_table else table) + bytes(MIB - 320 * 1024)
    whole = whole[:MIB] + (listed.ljust(65536, b"\0") + held).ljust(MIB, b"\0")
    return whole + struct.pack(f"<{len(entries)}Q", *entries).ljust(MIB, b"\0") + bytes(MIB)
