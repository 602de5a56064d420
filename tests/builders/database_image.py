"""The image of databases, where somebody has built it on this machine: a run of the suite does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.demo_image import suite_cache

BUILD = "sudo deploy/database-image/build.sh"


def database_image() -> Path:
    """Return the image; skip the test, saying how the image is built, where there is none."""
    directory = suite_cache() / "database-image"
    if not (directory / "database.qcow2").exists():
        pytest.skip(f"no image of databases on this machine: {BUILD} {directory} (some minutes)")
    return directory / "database.qcow2"
