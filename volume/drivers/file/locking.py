"""Whether a QEMU has a file open: its programs lock some bytes of each (its docs/devel, "image locking")."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path

_LOCKED_FROM, _LOCKED = 100, 200
_OFD_GETLK = 36
_FLOCK = struct.Struct("hhqqi4x")


def is_open(path: Path) -> bool:
    """Tell whether a QEMU has a file open."""
    asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _LOCKED_FROM, _LOCKED, 0)
    with path.open("rb") as file:
        found = fcntl.fcntl(file, _OFD_GETLK, asked)
    return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)
