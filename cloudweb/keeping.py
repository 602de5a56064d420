"""Secrets that are drawn once and kept in files only their owner can read."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path


def kept_secret(path: Path, *, strength: int = 48, fresh: str | None = None) -> str:
    """Return the secret in a file (mode 600); draw it, or keep ``fresh``, if there is none yet.

    Processes that start together agree: the first file wins.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        write_private(temporary, f"{fresh or secrets.token_urlsafe(strength)}\n")
        try:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(temporary)
        finally:
            temporary.unlink()
    return path.read_text().strip()


def replace_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at once as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_private(temporary, text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Create a file that only its owner can read, from its first byte on."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)
