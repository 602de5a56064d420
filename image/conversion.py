"""From a disk that hosts cannot open to one that they can: qemu-img under limits.

The one place where a tool reads an uploaded disk. All checks are made again before and after, the
format is said and never guessed, no backing file is followed, and the tool has the file itself and
not its path; it runs without network, privileges or environment (``process.run_limited``).
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings

from cloudweb import process
from cloudweb.stores.exceptions import StoreFull
from image.exceptions import ImageNotConverted, ImageTooLarge
from image.formats import CONVERTIBLE, PLAIN, Opened
from image.inspection import inspect_file

_PROGRESS = re.compile(rb"\((\d{1,3})\.\d+/100%\)")
_OUT_OF_TIME = (124, -signal.SIGXCPU, 128 + signal.SIGXCPU, -signal.SIGKILL, 128 + signal.SIGKILL)
_TOO_LARGE = (-signal.SIGXFSZ, 128 + signal.SIGXFSZ)


def target_format(disk_format: str, container_format: str) -> Opened | None:
    """Return what an import turns such a disk into; None when it stays as it is."""
    if disk_format not in CONVERTIBLE or container_format not in PLAIN:
        return None
    return cast("Opened", settings.IMAGE_CONVERT_TO) or None


def limits() -> process.Limits:
    """Return what one conversion may use, by the settings."""
    return process.Limits(
        memory=settings.IMAGE_CONVERT_MEMORY,
        seconds=settings.IMAGE_CONVERT_SECONDS,
        file_size=settings.IMAGE_MAX_SIZE,
    )


def convert(
    source: BinaryIO,
    target: Path,
    *,
    disk_format: str,
    to: Opened,
    limits: process.Limits,
    progress: Callable[[int], object] = lambda percent: None,
) -> None:
    """Write the disk in ``source`` (a file with a descriptor) to the new file ``target``.

    ``progress`` gets the percentage about each second and may raise to end it. Raises ImageRefused,
    ImageNotConverted, ImageTooLarge, StoreFull; then, and when interrupted, ``target`` is absent.
    """
    _check(source, disk_format)
    percent = 0

    def tell(output: bytes) -> None:
        nonlocal percent
        for found in _PROGRESS.finditer(output):
            percent = min(100, int(found[1]))
        progress(percent)

    finished = False
    try:
        process.run_limited(
            "qemu-img", "convert", "-p", "-O", to, *_options(to),
            _source(source, CONVERTIBLE[disk_format]), target.name,
            limits=limits, cwd=target.parent, pass_fds=(source.fileno(),), on_output=tell,
        )  # fmt: skip
        with target.open("rb") as made:
            os.fsync(made.fileno())
            _check(made, to)  # a disk may hold a disk: raw bytes that begin as a qcow2
        finished = True
    except process.CommandFailed as error:
        raise _meaning(error, limits) from error
    finally:
        if not finished:
            target.unlink(missing_ok=True)


def _check(file: BinaryIO, disk_format: str) -> None:
    inspect_file(
        file,
        disk_format=disk_format,
        container_format="bare",
        max_virtual_size=settings.IMAGE_MAX_VIRTUAL_SIZE,
    )


def _options(to: Opened) -> tuple[str, ...]:
    # every host opens version 3; a raw file keeps its holes
    return ("-o", "compat=1.1") if to == "qcow2" else ("-S", "4k")


def _source(file: BinaryIO, driver: str) -> str:
    """Name the file by its descriptor, with everything said that QEMU would find out by itself."""
    disk: dict[str, Any] = {
        "driver": driver,
        "read-only": True,
        "file": {
            "driver": "file",
            "filename": f"/dev/fd/{file.fileno()}",
            "read-only": True,
        },
    }
    if driver == "vmdk":
        disk["backing"] = None
    if driver == "vpc":
        disk["force_size_calc"] = "current_size"  # as cloudweb/disks/vhd.py reads it
    return f"json:{json.dumps(disk)}"


def _meaning(error: process.CommandFailed, limits: process.Limits) -> Exception:
    if error.returncode in _OUT_OF_TIME:
        return ImageNotConverted(
            f"The conversion of the disk was stopped after {limits.seconds} seconds.",
            detail=error.detail,
        )
    if error.returncode in _TOO_LARGE or "File too large" in error.output:
        return ImageTooLarge(
            f"The converted disk is over the limit of {limits.file_size} bytes.",
            detail=error.detail,
        )
    if "No space left" in error.output:
        return StoreFull(detail=error.detail)
    return ImageNotConverted(detail=error.detail)
