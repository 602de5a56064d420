"""The image of databases, built once for all runs of the suite on this machine, beside other tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from cloudweb.conf import ROOT
from tests.builders.demo_image import suite_cache

BUILD = ROOT / "deploy/database-image/build.sh"
#: Packages are fetched and unpacked: minutes where much else is going on.
PATIENCE = 900.0


class DatabaseImage:
    """The image in the making: whoever wants it waits for it."""

    def __init__(self) -> None:
        self.directory = suite_cache() / "database-image"
        self._stamp = self.directory / "made-of"
        self._log = self.directory / "build.log"
        self._build: Any = None
        if not (self.path.exists() and self._is_current()):
            self.directory.mkdir(parents=True, exist_ok=True)
            self._log.unlink(missing_ok=True)
            self._build = process.start_child(
                "nice", str(BUILD), str(self.directory), log=self._log
            )

    @property
    def said(self) -> str:
        """Return what the build said, the time it took with it."""
        return self._log.read_text(errors="replace").strip() if self._log.exists() else ""

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.directory / "database.qcow2"

    def wait(self) -> Path:
        """Return the image once it is there; fail where it cannot be built."""
        if self._build is not None:
            if self._build.wait(timeout=PATIENCE):
                pytest.fail(self._log.read_text(errors="replace"))
            self._stamp.write_text(_made_of())
            self._build = None
        return self.path

    def leave(self) -> None:
        """Let a build that nobody waited for end."""
        if self._build is not None:
            self.wait()

    def _is_current(self) -> bool:
        return self._stamp.exists() and self._stamp.read_text() == _made_of()


def _made_of() -> str:
    """Return a digest of what the image is built by."""
    files = [path for path in sorted(BUILD.parent.rglob("*")) if path.is_file()]
    files.append(ROOT / "databases/guest/drivers/mariadb.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
