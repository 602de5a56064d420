"""Files that are whole after any crash: written beside, synced, renamed."""

from __future__ import annotations

import glob
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

PRIVATE, PASSED_THROUGH = 0o700, 0o711


def make_directory(path: Path, mode: int = PRIVATE) -> Path:
    """Make a directory, or give one that is there this mode: an older version made it for all to read.

    ``PASSED_THROUGH`` is for what other users must get through (QEMU, dnsmasq) and may not list.
    """
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    if path.stat().st_mode & 0o7777 != mode:
        path.chmod(mode)
    return path


def write_atomically(
    path: Path, content: bytes | str, *, mode: int = 0o600, synced: bool = True
) -> None:
    """Replace a file in one step that survives a power failure; its directory is made if need be.

    Not ``synced``: it survives crashes of programs alone, and is for what is written anew after a start.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{_draft_of(path)}{secrets.token_hex(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if synced:
                os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if synced:
        sync_directory(path.parent)


def drafts_of(path: Path) -> Sequence[Path]:
    """Return what whoever was killed while it replaced a file left of that; nobody may replace it meanwhile."""
    return sorted(path.parent.glob(f"{glob.escape(_draft_of(path))}*"))


def _draft_of(path: Path) -> str:
    return f".{path.name}."


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
