"""A host's copies of image files: fetched once, verified, dropped when old and unused.

A file is complete and checked once it has its final name, and is never changed after that; guests
put copy-on-write overlays on it. After an unclean stop each is read through before its next use.
Several threads and processes may share one cache.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import structlog

from cloudweb.conf import env
from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from cloudweb.files import make_directory
from cloudweb.image_cache.download import Download, check_disk, digest
from cloudweb.image_cache.marks import Marks
from cloudweb.image_cache.source import ImageSource

log = structlog.get_logger(__name__)
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")
_SHA512 = re.compile(r"^[0-9a-f]{128}\Z")
PARTIAL = ".partial"
#: A file that was asked for so recently may be about to become a guest's base.
GRACE = 900.0
STALE_PARTIAL = 86_400.0
POLL = 0.1
#: Left free on the file system for guests and logs.
RESERVE = 64 * 1024**2


class ImageCache:
    """The cache in ``directory``, held near ``max_bytes``.

    ``in_use`` returns the files that guests are based on (the agent sets it); those are never
    dropped, even when they alone are over the limit. Nor is a file that has another name, too: what
    is made of it elsewhere (a volume) holds it by a hard link.
    """

    def __init__(
        self,
        directory: Path,
        max_bytes: int,
        *,
        in_use: Callable[[], Collection[Path]] = tuple,
        grace: float = GRACE,
    ) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self.in_use = in_use
        self._grace = grace
        self._locks = directory / "locks"
        make_directory(directory)  # tenants' images
        self._locks.mkdir(exist_ok=True)
        self._whole = Marks(directory / "whole")

    def open(self) -> None:
        """Begin to use the cache: after an unclean stop no file is taken for whole unread."""
        self._whole.open()

    def close(self) -> None:
        """End its use cleanly."""
        self._whole.close()

    def path_of(self, source: ImageSource) -> Path:
        """Return where this image is or will be; raise DriverError for an impossible order."""
        if not _ID.match(source.id) or not _SHA512.match(source.sha512) or source.size < 0:
            raise DriverError(
                "The order names an impossible image.", detail=f"{source.id} {source.sha512}"
            )
        return self.directory / f"{source.id}.{source.sha512[:16]}"

    def ensure(self, source: ImageSource, work: Work) -> Path:
        """Return the local file of an image, fetched and verified; it is read-only.

        Who asks for an image that another fetches waits for it. Raises TransientDriverError when
        the network or the disk's room is at fault, DriverError when the content is.
        """
        path = self.path_of(source)
        with self._locked(path.name, work):
            if not _is_complete(path, source.size) or not self._is_whole(source, path, work):
                self._fetch(source, path, work)
                self._whole.add(path.name)
            os.utime(path)
        return path

    def _is_whole(self, source: ImageSource, path: Path, work: Work) -> bool:
        """Read a file through, unless that was done; set a damaged one aside, if no guest uses it."""
        if path.name in self._whole or digest(path, work) == source.sha512:
            self._whole.add(path.name)
            return True
        log.error("a cached image is damaged", image=source.id, file=path.name)
        if self._is_used(path):
            raise TransientDriverError(
                "This host's copy of the image is damaged, and servers use it.", detail=str(path)
            )
        path.unlink()
        return False

    def _fetch(self, source: ImageSource, path: Path, work: Work) -> None:
        partial = path.with_name(path.name + PARTIAL)
        there = partial.stat().st_size if partial.exists() else 0
        self._make_room(max(0, source.size - there))
        download = Download(source, partial, work)
        download.run()
        try:
            check_disk(partial, source)
        except DriverError:
            partial.unlink()
            raise
        work.checkpoint()
        partial.chmod(0o444)
        partial.rename(path)
        _sync_directory(self.directory)
        log.info("image cached", image=source.id, size=source.size)

    def ids(self, *, most: int) -> tuple[str, ...]:
        """Return the ids of the images that are here, the newest in use first, in the order of ids."""
        found = sorted(self._files(), reverse=True)
        names = [path.name for _, path, _ in found if path.suffix != PARTIAL]
        return tuple(sorted({name.partition(".")[0] for name in names[:most]}))

    def check(self) -> list[str]:
        """Read through what was not since the last unclean stop, beside all other work.

        A damaged file is dropped and fetched again when somebody asks; one that guests are based on
        stays, and its name is returned.
        """
        damaged = []
        for _, path, _ in sorted(self._files()):
            if path.name.endswith(PARTIAL) or path.name in self._whole:
                continue
            with self._try_lock(path.name) as held:
                if not held or not path.exists():
                    continue  # whoever has it checks it, or will
                if digest(path, Unguarded()).startswith(path.name.rpartition(".")[2]):
                    self._whole.add(path.name)
                    continue
                log.error("a cached image is damaged", file=path.name)
                if self._is_used(path):
                    damaged.append(path.name)
                else:
                    path.unlink()
        return damaged

    def _is_used(self, path: Path) -> bool:
        return is_linked(path) or path.resolve() in {base.resolve() for base in self.in_use()}

    # Room

    def evict(self, *, room_for: int = 0) -> list[Path]:
        """Drop the longest unused files until ``room_for`` more bytes keep the limit; return them."""
        dropped: list[Path] = []
        needed = {path.resolve() for path in self.in_use()}
        total = sum(size for _, _, size in self._files())
        free = shutil.disk_usage(self.directory).free
        for used_at, path, size in sorted(self._files()):
            fits = total + room_for <= self.max_bytes and free >= room_for + RESERVE
            if fits and not path.name.endswith(PARTIAL):
                continue
            limit = STALE_PARTIAL if path.name.endswith(PARTIAL) else self._grace
            if time.time() - used_at < limit or path.resolve() in needed or is_linked(path):
                continue
            if not self._drop(path):
                continue
            dropped.append(path)
            total -= size
            free += size
        return dropped

    def _make_room(self, wanted: int) -> None:
        self.evict(room_for=wanted)
        free = shutil.disk_usage(self.directory).free
        if free < wanted + RESERVE:
            raise TransientDriverError(
                "The host has no room for the image.",
                detail=f"{wanted} bytes wanted, {free} free in {self.directory}",
            )

    def _drop(self, path: Path) -> bool:
        """Remove a file unless someone is about to use it; tell whether it is gone."""
        name = path.name.removesuffix(PARTIAL)
        with self._try_lock(name) as held:
            if not held:
                return False
            path.unlink(missing_ok=True)
            if path.name == name:
                self._whole.remove(name)
                (self._locks / name).unlink(missing_ok=True)
            log.info("image dropped from cache", file=path.name)
            return True

    def _files(self) -> Iterator[tuple[float, Path, int]]:
        for path in self.directory.iterdir():
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            if path.is_file():
                yield facts.st_mtime, path, facts.st_size

    # Locks: of files, so that they hold among processes too and end with their holder

    @contextmanager
    def _locked(self, name: str, work: Work) -> Iterator[None]:
        while True:
            with self._try_lock(name) as held:
                if held:
                    yield
                    return
            work.checkpoint()
            time.sleep(POLL)

    @contextmanager
    def _try_lock(self, name: str) -> Iterator[bool]:
        path = self._locks / name
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = _is_at(descriptor, path)  # else it was dropped between open and lock
            except BlockingIOError:
                held = False
            yield held
        finally:
            os.close(descriptor)


@cache
def cache_of_host(directory: Path) -> ImageCache:
    """Return the one cache of a host, whichever of its agents in this process asks for it."""
    return ImageCache(directory / "images", env.int("IMAGE_CACHE_GIB", default=50) * 1024**3)


def is_linked(path: Path) -> bool:
    """Tell whether a file has another name."""
    try:
        return path.stat().st_nlink > 1
    except FileNotFoundError:
        return False


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _is_complete(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
