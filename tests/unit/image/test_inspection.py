"""Hostile and broken disks are refused with the reason, sound ones pass."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from image.exceptions import ImageRefused
from image.inspection import InspectedStream, check_stored
from tests.builders import disks

EXTERNAL = struct.pack(">II", 0x44415441, 8) + b"/etc/pas"
LIMIT = 16 * 1024**4
DATA = [b"one", b"two"]

HOSTILE = {
    "backing file": ("qcow2", disks.qcow2(backing=b"/etc/shadow"), "backing file"),
    "backing file in version 2": (
        "qcow2",
        disks.qcow2(version=2, backing=b"/etc/shadow"),
        "backing file",
    ),
    "data file": ("qcow2", disks.qcow2(incompatible=1 << 2), "data file"),
    "data file named without the bit": ("qcow2", disks.qcow2(extensions=EXTERNAL), "data file"),
    "extended second tables": ("qcow2", disks.qcow2(incompatible=1 << 4), "features"),
    "unknown feature": ("qcow2", disks.qcow2(incompatible=1 << 40), "features"),
    "marked corrupt": ("qcow2", disks.qcow2(incompatible=1 << 1), "corrupt"),
    "version 1": ("qcow2", disks.qcow2(version=1), "features"),
    "version 4": ("qcow2", disks.qcow2(version=4), "features"),
    "encrypted": ("qcow2", disks.qcow2(crypt=1), "encrypted"),
    "huge clusters": ("qcow2", disks.qcow2(cluster_bits=16)[:20] + b"\0\0\0\x3f" + disks.qcow2()[24:], "cluster size"),
    "exabytes": ("qcow2", disks.qcow2(size=2**60, l1_entries=1), "virtual size"),
    "first table too short for the size": ("qcow2", disks.qcow2(l1_entries=1), "virtual size"),
    "first table past the end": ("qcow2", disks.qcow2(l1_offset=1 << 40), "truncated"),
    "first table over the header": ("qcow2", disks.qcow2(l1_offset=0), "out of place"),
    "first table out of step": ("qcow2", disks.qcow2(l1_offset=65536 * 3 + 512), "out of place"),
    "enormous first table": ("qcow2", disks.qcow2(l1_entries=2**31), "first table"),
    "reference counts past the end": ("qcow2", disks.qcow2(refcount_offset=1 << 50), "truncated"),
    "header alone": ("qcow2", disks.qcow2()[:512], "truncated"),
    "half a header": ("qcow2", disks.qcow2()[:60], "truncated"),
    "second table past the end": (
        "qcow2",
        disks.with_first_table(disks.qcow2(clusters=DATA), 64 * disks.CLUSTER),
        "truncated",
    ),
    "second table in the header": (
        "qcow2",
        disks.with_first_table(disks.qcow2(clusters=DATA), 512),
        "out of place",
    ),
    "one second table twice": (
        "qcow2",
        disks.with_first_table(disks.qcow2(clusters=DATA), 4 * disks.CLUSTER, 4 * disks.CLUSTER),
        "the same",
    ),
    "last cluster cut off": ("qcow2", disks.qcow2(clusters=DATA)[: -disks.CLUSTER], "truncated"),
    "qcow2 declared raw": ("raw", disks.qcow2(), "content is qcow2"),
    "short qcow2 declared raw": ("raw", disks.qcow2()[:200], "content is qcow2"),
    "raw declared qcow2": ("qcow2", b"no header at all" * 1000, "raw"),
    "nothing declared qcow2": ("qcow2", b"", "raw"),
    "vmdk declared raw": ("raw", disks.vmdk_sparse(), "content is vmdk"),
    "iso declared raw": ("raw", disks.iso(), "content is iso"),
    "qcow2 declared as a kernel": ("aki", disks.qcow2(backing=b"/etc/shadow"), "content is qcow2"),
    "vmdk with a file of the host": (
        "vmdk",
        disks.vmdk_descriptor('RW 2048 FLAT "/etc/passwd" 0'),
        "descriptor",
    ),
    "vmdk with a flat extent": (
        "vmdk",
        disks.vmdk_descriptor('RW 2048 FLAT "disk-flat.vmdk" 0'),
        "descriptor",
    ),
    "sparse vmdk with a path": (
        "vmdk",
        disks.vmdk_sparse('RW 2048 SPARSE "/dev/sda"'),
        "descriptor",
    ),
    "protective MBR with a second partition": (
        "raw",
        disks.partitioned((0, 0xEE), (0x80, 0x83)),
        "partition table",
    ),
    "boot sector without partitions": ("raw", disks.partitioned(), "partition table"),
    "qcow2 in front of an iso": (
        "qcow2",
        disks.qcow2()[:32768] + disks.iso()[32768:] + bytes(4 * disks.CLUSTER),
        "iso and qcow2",
    ),
}  # fmt: skip

SOUND = {
    "empty qcow2": ("qcow2", disks.qcow2(), 1024**3),
    "qcow2 with data": ("qcow2", disks.qcow2(clusters=DATA), 1024**3),
    "qcow2 version 2": ("qcow2", disks.qcow2(version=2, clusters=DATA), 1024**3),
    "dirty qcow2": ("qcow2", disks.qcow2(incompatible=1), 1024**3),
    "qcow2 with zstd": ("qcow2", disks.qcow2(incompatible=1 << 3), 1024**3),
    "raw": ("raw", b"\0" * 5000, 5000),
    "raw of one byte": ("raw", b"x", 1),
    "partitioned raw": ("raw", disks.partitioned((0x80, 0x83)), 8192),
    "GPT": ("raw", disks.partitioned((0, 0xEE)), 8192),
    "iso": ("iso", disks.iso(), len(disks.iso())),
    "hybrid iso": ("iso", disks.partitioned((0x80, 0x83), size=32768) + disks.iso()[32768:], None),
    "kernel that looks like a boot sector": ("aki", disks.partitioned((0x42, 1)), 8192),
    "ramdisk": ("ari", b"\x1f\x8b" + bytes(3000), 3002),
    "sparse vmdk": ("vmdk", disks.vmdk_sparse(), 2048 * 512),
}


def drain(source: InspectedStream, *, until: int) -> None:
    while source.total < until and source.read(65536):
        pass


def inspect(tmp_path: Path, disk_format: str, data: bytes, *, chunk: int = 65536) -> int:
    container = disk_format if disk_format in ("aki", "ari") else "bare"
    source = InspectedStream(
        io.BytesIO(data),
        disk_format=disk_format,
        container_format=container,
        max_virtual_size=LIMIT,
    )
    path = tmp_path / "disk"
    with path.open("wb") as file:
        while piece := source.read(chunk):
            file.write(piece)
    assert path.read_bytes() == data
    with path.open("rb") as file:
        check_stored(file, disk_format=disk_format, container_format=container)
    return source.virtual_size


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("chunk", [1000, 1024 * 1024])
def test_hostile_disk_is_refused(tmp_path: Path, name: str, chunk: int) -> None:
    disk_format, data, reason = HOSTILE[name]
    with pytest.raises(ImageRefused) as refused:
        inspect(tmp_path, disk_format, data, chunk=chunk)
    assert reason in refused.value.message


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("chunk", [1000, 1024 * 1024])
def test_sound_disk_passes(tmp_path: Path, name: str, chunk: int) -> None:
    disk_format, data, size = SOUND[name]
    assert inspect(tmp_path, disk_format, data, chunk=chunk) == (size or len(data))


def test_wrong_format_is_refused_long_before_the_end() -> None:
    class Endless:
        served = 0

        def read(self, size: int, /) -> bytes:
            self.served += size
            return b"x" * size

    stream = Endless()
    source = InspectedStream(
        stream, disk_format="qcow2", container_format="bare", max_virtual_size=LIMIT
    )
    with pytest.raises(ImageRefused):
        drain(source, until=64 * 1024**2)
    assert stream.served <= 4 * 1024**2


@pytest.mark.parametrize("container", ["ova", "docker", "compressed"])
def test_a_wrapped_disk_must_not_show(tmp_path: Path, container: str) -> None:
    source = InspectedStream(
        io.BytesIO(disks.qcow2()),
        disk_format="qcow2",
        container_format=container,
        max_virtual_size=LIMIT,
    )
    with pytest.raises(ImageRefused):
        drain(source, until=64 * 1024**2)


@pytest.mark.parametrize("cut", range(0, 6 * disks.CLUSTER, 4099))
def test_no_truncation_of_a_full_qcow2_passes(tmp_path: Path, cut: int) -> None:
    whole = disks.qcow2(size=1024**3, clusters=[b"a"])
    with pytest.raises(ImageRefused):
        inspect(tmp_path, "qcow2", whole[: min(cut, 5 * disks.CLUSTER)])
