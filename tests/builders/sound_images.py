"""A sound image of each format, as attackers and users alike would declare it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.builders import disks
from tests.builders import foreign_disks as foreign

GIB = 1024**3
_DATA = [b"one", b"two"]


@dataclass(frozen=True, slots=True)
class Case:
    """A file, as what it is declared, and words of the reason for which it is refused."""

    disk_format: str
    make: Callable[[], bytes]
    reason: str = ""
    container: str = "bare"
    virtual_size: int | None = None  # of a sound one


SOUND = {
    "empty qcow2": Case("qcow2", disks.qcow2, virtual_size=GIB),
    "qcow2": Case("qcow2", lambda: disks.qcow2(clusters=_DATA), virtual_size=GIB),
    "qcow2 version 2": Case(
        "qcow2", lambda: disks.qcow2(version=2, clusters=_DATA), virtual_size=GIB
    ),
    "dirty qcow2": Case("qcow2", lambda: disks.qcow2(incompatible=1), virtual_size=GIB),
    "qcow2 with zstd": Case(
        "qcow2",
        lambda: disks.qcow2(incompatible=1 << 3, header_length=112, compression=1),
        virtual_size=GIB,
    ),
    "vmdk": Case("vmdk", foreign.vmdk, virtual_size=foreign.MIB),
    "stream-optimized vmdk": Case(
        "vmdk",
        lambda: foreign.vmdk(kind="streamOptimized", flags=0x30003, compression=1, footer={}),
        virtual_size=foreign.MIB,
    ),
    "vdi": Case("vdi", foreign.vdi, virtual_size=2 * foreign.MIB),
    "vhd": Case("vhd", foreign.vhd, virtual_size=4 * foreign.MIB),
    "fixed vhd": Case("vhd", lambda: foreign.vhd_fixed(bytes(65536)), virtual_size=65536),
    "fixed vhd with partitions": Case(
        "vhd",
        lambda: foreign.vhd_fixed(disks.partitioned((0x80, 0x83), size=65536)),
        virtual_size=65536,
    ),
    "vhdx": Case("vhdx", foreign.vhdx, virtual_size=2 * foreign.MIB),
    "iso": Case("iso", disks.iso),
    "bootable iso": Case("iso", lambda: disks.iso(boot=disks.EL_TORITO)),
    "hybrid iso": Case(
        "iso", lambda: disks.iso(system_area=disks.partitioned((0x80, 0x83), size=512))
    ),
    "raw": Case("raw", lambda: b"\0" * 5000),
    "raw of one byte": Case("raw", lambda: b"x"),
    "partitioned raw": Case("raw", lambda: disks.partitioned((0x80, 0x83))),
    "GPT": Case("raw", lambda: disks.partitioned((0, 0xEE))),
    "text": Case("raw", lambda: b"#!/bin/sh\necho hello\n"),
    "kernel like a boot sector": Case("aki", lambda: disks.partitioned((0x42, 1)), container="aki"),
    "ramdisk": Case("ari", lambda: b"\x1f\x8b" + bytes(3000), container="ari"),
    "machine": Case("ami", lambda: bytes(9000), container="ami"),
    "ovf": Case("qcow2", disks.qcow2, container="ovf", virtual_size=GIB),
    "ova": Case("vmdk", lambda: disks.tar("disk.vmdk", foreign.vmdk()), container="ova"),
    "docker": Case("raw", lambda: disks.tar("layer.tar", b"x"), container="docker"),
    "compressed": Case("qcow2", lambda: b"\x1f\x8b" + bytes(3000), container="compressed"),
}
