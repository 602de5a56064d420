"""A store in a directory: ``incoming/`` takes uploads, a rename moves them to ``data/``."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from cloudweb.stores.base import Incoming, Store
from cloudweb.stores.exceptions import StoreFull
from cloudweb.stores.room import check_room

#: Stands for a slash in the name of a file that is not whole yet; no key has it.
_SLASH = "~"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DirectoryStore(Store):
    """One file for each key; the directory may be shared by several machines."""

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
        name = f"{key.replace('/', _SLASH)}.{secrets.token_hex(4)}"
        return IncomingFile(self.incoming / name, self.data / key)

    def open(self, key: str) -> BinaryIO:
        """Open the file for reading."""
        return (self.data / key).open("rb")

    def delete(self, key: str) -> None:
        """Unlink the file, and its folders with their last one; who still reads it reads on."""
        path = self.data / key
        path.unlink(missing_ok=True)
        for folder in path.relative_to(self.data).parents[:-1]:
            try:
                (self.data / folder).rmdir()
            except OSError:  # there is more in it, or it is gone
                break

    def delete_all(self, prefix: str) -> None:
        """Unlink whatever has a key that begins so, finished or not."""
        for directory in (self.incoming, self.data):
            for path in directory.glob(f"{prefix}*"):
                path.unlink(missing_ok=True)

    def keys(self, prefix: str) -> Iterator[str]:
        """Walk through the folder."""
        folder = prefix.rpartition("/")[0]
        for directory, _, names in os.walk(self.data / folder):
            inside = Path(directory).relative_to(self.data)
            for key in (str(inside / name) for name in names):
                if key.startswith(prefix):
                    yield key

    def inside(self, folder: str) -> DirectoryStore:
        """Keep them beside ``data``, where no key of this store is."""
        return DirectoryStore(self.root / folder)

    def reap(self, keep: Callable[[str], bool], *, older_than: timedelta) -> list[str]:
        """Unlink what nobody keeps and nobody writes."""
        before = time.time() - older_than.total_seconds()
        removed = []
        for directory in (self.incoming, self.data):
            for path in directory.iterdir():
                if not path.is_file():
                    continue
                name = path.name.rpartition(".")[0].replace(_SLASH, "/")
                key = path.name if directory == self.data else name
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
    """A temporary file that becomes a key's data."""

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
        try:
            self.path.rename(self._target)
        except FileNotFoundError:  # the first of its folder, or the last one was deleted just now
            self._target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
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
