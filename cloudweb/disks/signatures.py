"""Formats known by a few bytes at the front: those that are refused by name, and archives."""

from __future__ import annotations

#: How much of the front these look at.
FRONT = 2048

_REFUSED = {
    b"COWD": "an old VMDK (COWD)",
    b"WithoutFreeSpace": "a Parallels disk",
    b"WithouFreSpacExt": "a Parallels disk",
    b"Bochs Virtual HD Image": "a Bochs disk",
    b"#!/bin/sh\n#V2.0 Format\n": "a compressed loop disk (cloop)",
    b"SKUL\xba\xbe": "a LUKS disk",
}
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
_TAR_MAGIC = (257, b"ustar")


def refused(front: bytes) -> str | None:
    """Name the disk format that tools would see here although no image may have it."""
    for magic, name in _REFUSED.items():
        if front.startswith(magic):
            return name
    return "a description of a VMDK" if _is_vmdk_description(front) else None


def is_archive(front: bytes) -> bool:
    """Tell whether this is a tar archive, compressed or not."""
    start, magic = _TAR_MAGIC
    return front[start : start + len(magic)] == magic or is_compressed(front)


def is_compressed(front: bytes) -> bool:
    """Tell whether this is gzip, bzip2, xz, zstd or lz4."""
    return front.startswith(_COMPRESSED)


def _is_vmdk_description(front: bytes) -> bool:
    """Tell whether readers take this text for one: after comments comes a version line."""
    for line in front[:FRONT].splitlines():
        text = line.strip().lower()
        if not text or text.startswith(b"#"):
            continue
        return text.startswith(b"version=")
    return False
