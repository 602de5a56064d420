"""The config drive: the guest's metadata as a small ISO 9660 file system."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from cloudweb import process
from cloudweb.driver import DriverError
from compute.objects import ConfigDrive

LABEL = "config-2"  # what guests look for
TOOLS = ("genisoimage", "xorrisofs", "mkisofs")


def find_tool() -> str | None:
    """Return a program that makes ISO 9660 images, or None."""
    return next((path for tool in TOOLS if (path := shutil.which(tool))), None)


def build(drive: ConfigDrive, target: Path) -> None:
    """Write the image to ``target``; raise DriverError for a path that leads out of the drive."""
    tool = find_tool()
    if tool is None:
        raise DriverError(
            "The host cannot make config drives.", detail="install genisoimage or xorriso"
        )
    # tenants' secrets: the directory is for its owner alone
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".config-drive-") as name:
        root = Path(name)
        for path, content in drive.files.items():
            file = root / _safe(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                file.write_bytes(base64.b64decode(content, validate=True))
            except binascii.Error as error:
                raise DriverError("The config drive is broken.", detail=path) from error
        process.run(
            tool, "-quiet", "-V", LABEL, "-r", "-J", "-o", os.fspath(target), os.fspath(root)
        )


def _safe(path: str) -> PurePosixPath:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or "\0" in path:
        raise DriverError("The config drive is broken.", detail=f"path {path!r}")
    return parts
