"""The formats an image can be declared as, and what is done with each."""

from __future__ import annotations

from typing import Literal

KERNEL_FORMATS = frozenset({"aki", "ari", "ami"})
#: declared disk format -> what the schema says of it.
DISK_FORMATS = {
    "raw": "the disk byte by byte; hosts boot it",
    "qcow2": "QEMU, version 2 or 3 in one file; hosts boot it",
    "vmdk": "VMware, sparse or stream-optimized in one file; booted once an import converted it",
    "vdi": "VirtualBox; booted once an import converted it",
    "vhd": "Virtual PC and Azure, fixed or dynamic; booted once an import converted it",
    "vhdx": "Hyper-V; booted once an import converted it",
    "iso": "ISO 9660, may have a partition table too; stored, not booted",
    "ami": "a raw disk that is booted with a kernel (aki)",
    "aki": "a kernel",
    "ari": "a ramdisk",
}
#: declared container format -> what the schema says of it.
CONTAINER_FORMATS = {
    "bare": "the data is the disk",
    "ovf": "the data is the disk of an OVF package; the same as bare",
    "ova": "a tar archive with a disk inside; stored, not looked into, not booted",
    "docker": "a tar archive of a container; stored, not booted",
    "compressed": "compressed as a whole (gzip, bzip2, xz, zstd, lz4); stored, not booted",
    "ami": "only with the disk format ami",
    "aki": "only with the disk format aki",
    "ari": "only with the disk format ari",
}
#: Containers in which the data is the disk itself.
PLAIN = frozenset({"bare", "ovf"})
#: What hosts open as a disk; anything else can be stored but not booted.
BOOTABLE = frozenset({"raw", "qcow2", "ami"})
#: Disks that an import turns into one that hosts open -> what QEMU calls the format.
CONVERTIBLE = {"vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx"}

Opened = Literal["raw", "qcow2"]


def opened_as(disk_format: str, container_format: str) -> Opened | None:
    """Return as what hosts open such an image as a disk; None when they do not."""
    if (disk_format, container_format) == ("ami", "ami"):
        return "raw"
    if container_format not in PLAIN:
        return None
    opened: dict[str, Opened] = {"raw": "raw", "qcow2": "qcow2"}
    return opened.get(disk_format)


def not_bootable(disk_format: str, container_format: str) -> str:
    """Say why hosts do not boot it, and what to do."""
    if container_format not in PLAIN | KERNEL_FORMATS:
        return (
            f"the container format is {container_format}, which is stored as it is. "
            "Take the disk out of it and upload that"
        )
    if disk_format in CONVERTIBLE:
        return (
            f"hosts open raw and qcow2, not {disk_format}. Import it (openstack image create "
            "--import) where this cloud converts imports, or convert it to qcow2 and upload that"
        )
    if disk_format == "iso":
        return "hosts have no CD-ROM drive. Install from it elsewhere and upload the disk"
    return f"hosts open raw and qcow2 as disks, not {disk_format} in {container_format}"


def mismatch(disk_format: str, container_format: str) -> str | None:
    """Say why the two cannot go together; Amazon's kernel, ramdisk and machine formats come in pairs."""
    pair = {disk_format, container_format}
    if pair & KERNEL_FORMATS and "" not in pair and len(pair) > 1:
        return (
            f"Invalid mix of disk and container formats: '{disk_format}' in '{container_format}'. "
            "For ami, ari and aki both must be the same."
        )
    return None
