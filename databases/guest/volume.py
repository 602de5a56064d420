"""The disk that the data are on: found by its serial, formatted if it is empty, mounted, grown."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from databases.guest import commands
from databases.guest.commands import CommandFailed
from databases.guest.failures import GuestFailure

BLOCK = Path("/sys/block")
#: Of a serial a guest sees so many characters.
SERIAL = 20


#: The host tells a guest of a larger disk beside all else: so long it is looked for, in seconds.
PATIENCE = 120.0
#: What encryption may take of a volume, in bytes.
SLACK = 64 * 1024**2


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


def room_of(disk: str) -> int:
    """Return how large a disk is, in bytes."""
    return int((BLOCK / Path(disk).name / "size").read_text()) * 512


def grown(told: dict[str, Any], *, size: int) -> dict[str, int]:
    """Let the file system fill the disk, once that is as large as it is said to be; return its size."""
    where, disk = mounted(told), device(str(told["serial"]))
    until = time.monotonic() + PATIENCE
    while room_of(disk) < size - SLACK:
        if time.monotonic() > until:
            raise NoVolume(
                "The volume has not grown for its guest.", detail=f"{room_of(disk)} bytes"
            )
        time.sleep(0.5)
    commands.run("resize2fs", disk, timeout=600)
    room = os.statvfs(where)
    return {
        "total": room.f_blocks * room.f_frsize,
        "used": (room.f_blocks - room.f_bfree) * room.f_frsize,
    }
