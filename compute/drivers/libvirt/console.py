"""The guest's serial log: kept small, read from its end."""

from __future__ import annotations

import os
from pathlib import Path

#: More than what virtlogd lets a log grow to, so that where it runs, it rotates and we do not.
LIMIT = 4 * 1024**2
KEPT = 1024**2  # of what is cut off
CHUNK = 64 * 1024


def rotated(log: Path) -> Path:
    """Return where the part before the log's beginning is; virtlogd uses the same name."""
    return log.with_name(f"{log.name}.0")


def trim(log: Path, *, limit: int = LIMIT, kept: int = KEPT) -> bool:
    """Cut a log that outgrew its limit, keep its last part beside it; tell whether it did.

    QEMU appends, so it goes on at the new end. What it writes between our copy and our cut is lost:
    the price of a limit without a process between the guest and its log.
    """
    try:
        with log.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= limit:
                return False
            draft = log.with_name(f".{log.name}.new")
            with draft.open("wb") as target:
                os.fchmod(target.fileno(), 0o600)
                file.seek(size - kept)
                target.write(file.read(kept))
            draft.replace(rotated(log))
            file.truncate(0)
    except FileNotFoundError:
        return False
    return True


def tail(log: Path, length: int | None) -> bytes:
    """Return the last ``length`` lines, or all that is kept; nothing for a log that is not there.

    A line ends at its line feed alone: guests draw over one with carriage returns.
    """
    if length == 0:
        return b""
    found = b""
    for path in (log, rotated(log)):
        found = _read_back(path, None if length is None else length - found.count(b"\n")) + found
        if length is not None and found.count(b"\n") >= length + 1:
            break
    if length is None:
        return found
    pieces = length + found.endswith(b"\n")
    return b"\n".join(found.split(b"\n")[-pieces:])


def _read_back(path: Path, lines: int | None) -> bytes:
    try:
        with path.open("rb") as file:
            position = file.seek(0, os.SEEK_END)
            parts: list[bytes] = []
            missing = lines
            while position > 0 and (missing is None or missing >= 0):
                start = max(0, position - CHUNK)
                file.seek(start)
                parts.append(file.read(position - start))
                position = start
                if missing is not None:
                    missing -= parts[-1].count(b"\n")
            return b"".join(reversed(parts))
    except FileNotFoundError:
        return b""
