"""Room on a file system: image data leaves some to the database, the logs and the system."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings

from cloudweb.stores.exceptions import StoreFull


def check_room(directory: Path, size: int = 0) -> None:
    """Raise StoreFull unless so many bytes fit and IMAGE_DISK_RESERVE stays free."""
    free = shutil.disk_usage(directory).free
    if size + settings.IMAGE_DISK_RESERVE > free:
        raise StoreFull(
            detail=f"{size} bytes wanted in {directory}, {free} free, "
            f"of which IMAGE_DISK_RESERVE keeps {settings.IMAGE_DISK_RESERVE}"
        )
