"""A store in a directory: ``incoming/`` takes uploads, a rename moves them to ``data/``."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from image.exceptions import StoreFull
from image.stores.base import Incoming, Store
from image.stores.room import check_room

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DirectoryStore(Store):
    """One file for each image; the directory may be shared by several machines."""

    kind = "file"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self.data = root / "data"
        for directory in (self.incoming, self.data):
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)

    def receive(self, key: str, *, expected: int | None) -> Incoming:
        """Begin a file; refuse at once what cannot fit."""
        check_room(self.incoming, expected or 0)
        return IncomingFile(self.incoming / f"{key}.{secrets.token_hex(4)}", self.data / key)

    def open(self, key: str) -> BinaryIO:
        """Open the file for reading."""
        return (self.data / key).open("rb")

    def delete(self, key: str) -> None:
        """Unlink the file; who still reads it reads on."""
        (self.data / key).unlink(missing_ok=True)

    def delete_all(self, prefix: str) -> None:
        """Unlink whatever has a key that begins so, finished or not."""
        for directory in (self.incoming, self.data):
            for path in directory.glob(f"{prefix}*"):
                path.unlink(missing_ok=True)

    def reap(self, keep: Callable[[str], bool], *, older_than: timedelta) -> list[str]:
        """Unlink what no image and no upload names."""
        before = time.time() - older_than.total_seconds()
        removed = []
        for directory in (self.incoming, self.data):
            for path in directory.iterdir():
                key = path.name if directory == self.data else path.name.rpartition(".")[0]
                if not keep(key) and _modified(path) < before:
                    path.unlink(missing_ok=True)
                    removed.append(path.name)
        return removed

    def url(self, key: str) -> str:
        """Name the file."""
        return (self.data / key).absolute().as_uri()

    def facts(self) -> Mapping[str, str]:
        """Say which directory it is."""
        return {"data_dir": str(self.root)}


class IncomingFile:
    """A temporary file that becomes an image's data."""

    def __init__(self, path: Path, target: Path) -> None:
        self.path = path
        self._target = target
        self._kept = False
        self._file = path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Add bytes, unless they would take of the room that must stay free."""
        check_room(self.path.parent, len(chunk))
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _translated(error) from error

    def sync(self) -> None:
        """Flush to the disk; some file systems notice only here that it is full."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _translated(error) from error

    def open(self) -> BinaryIO:
        """Open the temporary file for reading."""
        return self.path.open("rb")

    def keep(self) -> None:
        """Rename into place and have the directory entry on disk too."""
        self._file.close()
        self.path.rename(self._target)
        self._kept = True
        directory = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def drop(self) -> None:
        """Close and unlink, wherever the file is by now."""
        try:
            self._file.close()
        except OSError as error:  # what was buffered does not fit; it is thrown away anyway
            if error.errno not in _FULL:
                raise
        finally:
            self.path.unlink(missing_ok=True)
            if self._kept:
                self._target.unlink(missing_ok=True)


def _translated(error: OSError) -> Exception:
    return StoreFull(detail=str(error)) if error.errno in _FULL else error


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
