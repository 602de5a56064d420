"""The formats an image can be declared as, and which of them hosts can boot."""

from __future__ import annotations

KERNEL_FORMATS = frozenset({"aki", "ari", "ami"})
DISK_FORMATS = (
    "ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop", "luks",
)  # fmt: skip
CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
#: What hosts open as a disk; anything else can be stored but not booted.
BOOTABLE = frozenset({"raw", "qcow2"})


def mismatch(disk_format: str, container_format: str) -> str | None:
    """Say why the two cannot go together; Amazon's kernel, ramdisk and machine formats come in pairs."""
    pair = {disk_format, container_format}
    if pair & KERNEL_FORMATS and "" not in pair and len(pair) > 1:
        return (
            f"Invalid mix of disk and container formats: '{disk_format}' in '{container_format}'. "
            "For ami, ari and aki both must be the same."
        )
    return None
