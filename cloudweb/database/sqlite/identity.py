"""Which file each database was when this process first opened it: one stat tells whether it still is."""

from __future__ import annotations

import os

_known: dict[str, tuple[int, int]] = {}


def remember(path: str) -> None:
    """Keep what the file is, once for the life of the process."""
    found = _look(path)
    if found is not None:
        _known.setdefault(path, found)


def is_known(path: str) -> bool:
    """Tell whether the path still names that file; a path not opened yet is as good."""
    known = _known.get(path)
    return known is None or _look(path) == known


def _look(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # a Path costs more than the call
    except OSError:
        return None
    return found.st_dev, found.st_ino
