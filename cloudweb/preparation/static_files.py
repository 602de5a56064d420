"""Collects, hashes and compresses the static files, when any has changed."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from cloudweb.static_files import UNUSED

MARK = ".collected"


def collect() -> bool:
    """Fill STATIC_ROOT from the apps and ``static/``; return whether there was anything to do."""
    root = Path(settings.STATIC_ROOT)
    if not os.access(root, os.W_OK):  # an image of a container brings them along
        return False
    mark, wanted = root / MARK, _fingerprint()
    with root.with_name(f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.is_file() and mark.read_text() == wanted:
            return False
        call_command(
            "collectstatic",
            interactive=False,
            verbosity=0,
            clear=True,
            ignore_patterns=list(UNUSED),
        )
        mark.write_text(wanted)
    return True


def _fingerprint() -> str:
    found = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list(list(UNUSED)):
            stat = Path(storage.path(path)).stat()
            found.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return found.hexdigest()
