"""The disk that the data are on: found by its serial, formatted if it is empty, mounted, grown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from databases.guest import commands
from databases.guest.commands import CommandFailed
from databases.guest.failures import GuestFailure

BLOCK = Path("/sys/block")
#: Of a serial a guest sees so many characters.
SERIAL = 20


class NoVolume(GuestFailure):
    """The disk of the data is not there."""

    code = "no_volume"


def device(serial: str) -> str:
    """Return the device with this serial; raise NoVolume."""
    for disk in sorted(BLOCK.iterdir()):
        try:
            found = (disk / "serial").read_text().strip()
        except OSError:
            continue
        if found and found == serial[:SERIAL]:
            return f"/dev/{disk.name}"
    raise NoVolume("The volume of the data is not attached.", detail=serial)


def mounted(told: dict[str, Any]) -> Path:
    """Make the volume be mounted; a file system is made only where nothing at all is."""
    where = Path(str(told["mount_point"]))
    if os.path.ismount(where):
        return where
    disk = device(str(told["serial"]))
    if is_empty(disk):
        commands.run(
            "mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", disk,
            timeout=300,
        )  # fmt: skip
    where.mkdir(parents=True, exist_ok=True)
    try:
        commands.run("mount", "-t", "ext4", "-o", "noatime", disk, str(where))
    except CommandFailed as error:
        raise NoVolume("The volume of the data cannot be mounted.", detail=error.detail) from error
    return where


def is_empty(disk: str) -> bool:
    """Tell whether nothing is on a disk; a disk that cannot be read is not empty (CommandFailed)."""
    try:
        commands.run("blkid", "-p", disk)
    except CommandFailed as error:
        if error.status == 2:
            return True
        raise
    return False


def grown(told: dict[str, Any]) -> dict[str, int]:
    """Let the file system fill the disk; return its size."""
    where = mounted(told)
    commands.run("resize2fs", device(str(told["serial"])), timeout=600)
    room = os.statvfs(where)
    return {
        "total": room.f_blocks * room.f_frsize,
        "used": (room.f_blocks - room.f_bfree) * room.f_frsize,
    }
