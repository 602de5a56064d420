"""Writing an image over a volume: what drivers share that open their volumes for writing."""

from __future__ import annotations

from pathlib import Path

from cloudweb.driver import DriverError, Work
from volume.backups.driving import Backups
from volume.blocks import copy_blocks, progress
from volume.drivers.serving import served
from volume.objects import ReimageRequest


def write_image(
    driver: Backups, request: ReimageRequest, image: Path | None, *, sockets: Path, work: Work
) -> None:
    """Let a volume hold what the image's file does, read by QEMU as what it was found to be, and then zeros."""
    source = request.image
    if image is None:
        raise DriverError("The image's file is not there.", detail=source.id)
    with driver.writing(request.volume) as target:
        if source.virtual_size > target.size:
            raise DriverError("The image is larger than the volume.")
        work.checkpoint()
        with served(str(image), source.disk_format, sockets=sockets, read_only=True) as content:
            copy_blocks(content, target, on_piece=progress(work, content.size))
            end = content.size
        if end < target.size:
            work.checkpoint()
            target.zero(end, target.size - end)
