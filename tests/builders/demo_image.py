"""The demo image, built once for all runs of the suite on this machine."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from cloudweb import process
from cloudweb.conf import ROOT


def suite_cache() -> Path:
    """Return the directory of what is kept for all runs of the suite on this machine."""
    default = Path.home() / ".cache" / "cloudweb"
    return Path(os.environ.get("CLOUDWEB_TEST_CACHE", default))


@cache
def demo_image() -> Path:
    """Return the directory with demo.qcow2, vmlinuz and initrd.img; the build skips what is current."""
    directory = suite_cache() / "demo-image"
    directory.mkdir(parents=True, exist_ok=True)
    process.run(str(ROOT / "deploy/demo-image/build.sh"), str(directory), timeout=300)
    return directory
