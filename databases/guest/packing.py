"""Packs the program: one file of a few kilobytes, the same bytes from the same source. Not in the program itself."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

from databases.guest.version import VERSION

PACKAGE = Path(__file__).resolve().parent
MAIN = """\
import sys

from databases.guest.program import main

sys.exit(main(sys.argv[1:]))
"""


@cache
def packed() -> bytes:
    """Return ``agent.pyz`` as guests fetch it."""
    files = {
        f"databases/guest/{path.relative_to(PACKAGE)}": path.read_text()
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != Path(__file__).name
    }
    files |= {"__main__.py": MAIN, "databases/__init__.py": ""}
    data = io.BytesIO()
    data.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    return data.getvalue()


def version() -> str:
    """Return the version of the packed program."""
    return VERSION
