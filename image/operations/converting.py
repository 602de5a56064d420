"""The step of an import that turns a disk no host opens into one that they do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from cloudweb.stores.room import check_room
from image import conversion, quotas, reception
from image.formats import Opened
from image.models import Image
from image.stores import staging
from operations.jobs import Running


class _Made:
    """A file that a tool wrote, received like any other data: hashed and inspected, not copied."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def size(self) -> int:
        """Return how large it is so far; 0 before there is one."""
        return self.path.stat().st_size if self.path.exists() else 0

    def write(self, chunk: bytes) -> None:
        """It is written already."""

    def sync(self) -> None:
        """Have it on disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())

    def open(self) -> BinaryIO:
        """Open it."""
        return self.path.open("rb")

    def keep(self) -> None:
        """Leave it where it is: the staging area reads it there."""

    def drop(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)


def convert_staged(
    running: Running, image: Image, *, staged: str, to: Opened, allowed: quotas.Allowance
) -> Mapping[str, Any]:
    """Convert what is staged; return the new key and what is known about the data.

    What was staged stays for another attempt, until the operation clears the staging area. A disk
    that grows past its quota or into the reserve of free space is noticed within about a second.
    """
    key = f"{image.id}.{running.epoch}.{to}"
    made = _Made(staging().data / key)
    made.drop()  # of an attempt that died

    def tell(percent: int) -> None:
        running.check()
        running.report(percent, f"converting {image.disk_format} to {to}")
        allowed.cover(made.size())
        check_room(made.path.parent)

    def check(done: int) -> None:
        running.check()
        allowed.cover(done)

    try:
        with staging().open(staged) as source:
            conversion.convert(
                source,
                made.path,
                disk_format=image.disk_format,
                to=to,
                limits=conversion.limits(),
                progress=tell,
            )
        with made.open() as stream:
            facts = reception.receive(
                stream, made, disk_format=to, container_format="bare", expected=None, on_chunk=check
            )
        running.check()
    except BaseException:
        made.drop()
        raise
    return {"staged": key, "disk_format": to, "was": image.disk_format, **facts}


def seconds() -> int:
    """Return how long the step may take: the tool, and reading what it made."""
    return int(settings.IMAGE_CONVERT_SECONDS) + 3600
