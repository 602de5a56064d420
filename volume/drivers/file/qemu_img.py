"""qemu-img, and what its failures mean."""

from __future__ import annotations

from pathlib import Path

from cloudweb import process
from cloudweb.driver import DiskFull, TransientDriverError


def qemu_img(*words: str, timeout: float = 850, cwd: Path | None = None) -> None:
    """Run it; raise DiskFull, or TransientDriverError where somebody has the file just now."""
    try:
        process.run("qemu-img", *words, timeout=timeout, cwd=cwd)
    except process.CommandFailed as error:
        if "No space left" in error.output:
            raise DiskFull(detail=error.detail) from error
        if "lock" in error.output:
            raise TransientDriverError("The volume is in use.", detail=error.detail) from error
        raise
