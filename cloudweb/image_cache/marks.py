"""Which cached files are known to be whole: fetched or read through since the last unclean stop."""

from __future__ import annotations

from pathlib import Path

from cloudweb.files import make_directory

#: There while the cache is closed; it cannot be the name of an image's file.
_CLOSED = ".closed"


class Marks:
    """An empty file for each whole one. A mark that is lost costs a look, no more."""

    def __init__(self, directory: Path) -> None:
        self._directory = make_directory(directory)
        self._opened = False

    def open(self) -> None:
        """Begin: what lies there after an unclean stop may be damaged; who has begun goes on."""
        if self._opened:
            return
        self._opened = True
        closed = self._directory / _CLOSED
        if closed.exists():
            closed.unlink()
            return
        for mark in self._directory.iterdir():
            mark.unlink(missing_ok=True)

    def close(self) -> None:
        """Say that the stop was a clean one; who never began says nothing."""
        if self._opened:
            (self._directory / _CLOSED).touch()
            self._opened = False

    def add(self, name: str) -> None:
        """Call a file whole."""
        (self._directory / name).touch()

    def remove(self, name: str) -> None:
        """Forget a file."""
        (self._directory / name).unlink(missing_ok=True)

    def __contains__(self, name: str) -> bool:
        """Tell whether a file is known to be whole."""
        return (self._directory / name).exists()
