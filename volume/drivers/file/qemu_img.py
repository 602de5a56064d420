"""qemu-img, and what its failures mean."""

from __future__ import annotations

import json
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


def bitmaps_of(path: Path) -> tuple[str, ...]:
    """Return the names of the bitmaps in a qcow2 file, whoever has it open."""
    words = ("info", "--force-share", "-f", "qcow2", "--output", "json", str(path))
    said = json.loads(process.run("qemu-img", *words).text)
    found = said.get("format-specific", {}).get("data", {}).get("bitmaps", ())
    return tuple(one["name"] for one in found)
