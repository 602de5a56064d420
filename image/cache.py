"""The image cache: whole copies of remote images in a directory of this machine, up to a size.

``data/`` holds the copies by their store key, which no other data ever gets; ``incoming/`` what is on
its way, each file locked by its writer and as long as it will be; ``hits/`` a byte for each read. A
copy was last read at its atime, which ``open`` sets. The lock file keeps the processes that share
the directory apart while they make room; reading needs no lock, an open copy survives its removal.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog
from django.conf import settings

from cloudweb.stores.exceptions import StoreFull
from cloudweb.stores.room import check_room

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CachedCopy:
    """A copy in the cache; times in seconds since 1970."""

    key: str
    size: int
    hits: int
    last_accessed: float
    last_modified: float

    @property
    def image_id(self) -> str:
        """The image whose data it is; store keys begin with it."""
        return self.key.partition(".")[0]


def image_cache() -> ImageCache | None:
    """Return this machine's cache; None when there is none (IMAGE_CACHE_SIZE is 0)."""
    if not settings.IMAGE_CACHE_SIZE:
        return None
    return ImageCache(Path(settings.IMAGE_CACHE), limit=settings.IMAGE_CACHE_SIZE)


class ImageCache:
    """A directory that several processes share."""

    def __init__(self, root: Path, *, limit: int) -> None:
        self.root, self.limit = root, limit
        self.data, self.incoming, self.hits = root / "data", root / "incoming", root / "hits"
        for directory in (self.data, self.incoming, self.hits):
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)

    def has(self, key: str) -> bool:
        """Tell whether there is a whole copy."""
        return (self.data / key).exists()

    def open(self, key: str, *, size: int) -> BinaryIO | None:
        """Open a copy and count the hit; None if there is none, or none of this size."""
        try:
            file = (self.data / key).open("rb")
        except FileNotFoundError:
            return None
        found = os.fstat(file.fileno())
        if found.st_size != size:
            file.close()
            log.warning("a cached image has the wrong size", key=key, size=found.st_size)
            self.forget(key)
            return None
        os.utime(file.fileno(), ns=(time.time_ns(), found.st_mtime_ns))
        with suppress(FileNotFoundError):  # removed just now: it is read all the same
            descriptor = os.open(self.hits / key, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, b".")
            finally:
                os.close(descriptor)
        return file

    def begin(self, key: str, *, size: int, sha512: str) -> IncomingCopy | None:
        """Begin a copy, for which the least recently read make room; None if it cannot be now.

        It cannot when it is larger than the cache, somebody else is at it, or others on their way
        need the room.
        """
        if not 0 < size <= self.limit:
            return None
        with self._locked():
            self._sweep()
            if self.has(key) or any(self.incoming.glob(f"{key}.*")):
                return None
            if not self._make_room(size):
                return None
            path = self.incoming / f"{key}.{secrets.token_hex(4)}"
            return IncomingCopy(self, key, path, size=size, sha512=sha512)

    def keep(self, key: str, path: Path) -> bool:
        """Make a whole copy readable; False when it was removed on its way."""
        with self._locked():
            try:
                path.rename(self.data / key)
            except FileNotFoundError:
                return False
            (self.hits / key).write_bytes(b"")
        return True

    def entries(self) -> list[CachedCopy]:
        """Return the copies, the least recently read first."""
        found = []
        for path in self.data.iterdir():
            with suppress(FileNotFoundError):
                facts = path.stat()
                found.append(
                    CachedCopy(
                        key=path.name,
                        size=facts.st_size,
                        hits=_size(self.hits / path.name),
                        last_accessed=facts.st_atime,
                        last_modified=facts.st_mtime,
                    )
                )
        return sorted(found, key=lambda copy: (copy.last_accessed, copy.key))

    def forget(self, prefix: str) -> bool:
        """Remove whatever has a key that begins so, what is on its way too; tell whether any was."""
        with self._locked():
            return self._remove(lambda key: key.startswith(prefix)) > 0

    def reap(self, keep: Callable[[str], bool]) -> None:
        """Remove the copies whose key nobody keeps, and what dead processes left."""
        with self._locked():
            self._sweep()
            self._remove(lambda key: not keep(key))
            self._make_room(0)

    def _remove(self, wanted: Callable[[str], bool]) -> int:
        gone = 0
        for path in (*self.data.iterdir(), *self.incoming.iterdir()):
            key = path.name if path.parent == self.data else path.name.rpartition(".")[0]
            if wanted(key):
                path.unlink(missing_ok=True)
                (self.hits / key).unlink(missing_ok=True)
                gone += 1
        return gone

    def _make_room(self, size: int) -> bool:
        """Remove the least recently read until so much fits; False, and nothing, if it never will."""
        copies = self.entries()
        reserved = sum(_size(path) for path in self.incoming.iterdir())
        if size and reserved + size > self.limit:
            return False
        used = reserved + sum(copy.size for copy in copies)
        for copy in copies:
            if used + size <= self.limit:
                break
            (self.data / copy.key).unlink(missing_ok=True)
            (self.hits / copy.key).unlink(missing_ok=True)
            used -= copy.size
            log.info("an image left the cache", key=copy.key, size=copy.size)
        return True

    def _sweep(self) -> None:
        """Remove what a process left that died while it wrote: its lock went with it."""
        for path in self.incoming.iterdir():
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:  # its writer dropped it
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            else:
                path.unlink(missing_ok=True)
            finally:
                os.close(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.root / "lock", os.O_CREAT | os.O_RDWR, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class IncomingCopy:
    """A copy on its way into the cache, made while the cache is locked. Raises OSError."""

    def __init__(self, cache: ImageCache, key: str, path: Path, *, size: int, sha512: str) -> None:
        self._cache, self._key, self._path = cache, key, path
        self._size, self._sha512 = size, sha512
        self._digest, self._written = hashlib.sha512(), 0
        self._file = path.open("xb")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.ftruncate(self._file.fileno(), size)  # so much of the limit is taken from now on
        except BaseException:
            self.drop()
            raise

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        try:
            check_room(self._path.parent, len(chunk))
        except StoreFull as error:
            raise OSError(errno.ENOSPC, error.detail) from error
        self._digest.update(chunk)
        self._written += len(chunk)
        self._file.write(chunk)

    def end(self) -> bool:
        """Keep the copy if it is whole and right, else drop it; tell which."""
        try:
            if self._written != self._size:
                return False
            if self._digest.hexdigest() != self._sha512:
                log.warning("a remote image is damaged and not cached", key=self._key)
                return False
            self._file.flush()
            os.fsync(self._file.fileno())  # a copy that can be seen must survive a power cut whole
            return self._cache.keep(self._key, self._path)
        finally:
            self.drop()

    def drop(self) -> None:
        """Leave nothing of it but what was kept."""
        try:
            self._path.unlink(missing_ok=True)
        finally:
            with suppress(OSError):  # what was buffered and does not fit is thrown away anyway
                self._file.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
