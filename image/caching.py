"""Reading images through the cache of this machine: remote data fills it on its way."""

from __future__ import annotations

import io
from typing import Any, BinaryIO, cast

import structlog

from cloudweb.stores.configured import is_remote, ordered
from image.cache import ImageCache, IncomingCopy, image_cache
from image.copies import open_copy
from image.models import Image

log = structlog.get_logger(__name__)


def needs_cache(image: Image) -> bool:
    """Tell whether the store that is read first is a remote one."""
    names = ordered(image.stores)
    return bool(names) and is_remote(names[0])


def open_near(image: Image, *, whole: bool = True) -> BinaryIO:
    """Open the data in the cache of this machine if it is there, else as ``open_copy``.

    ``whole`` says that all of it will be read; what is read in parts fills no cache.
    """
    cache = None
    try:
        cache = image_cache() if needs_cache(image) else None
        if cache is not None and (near := cache.open(image.store_key, size=image.size)):
            return near
    except OSError as error:  # a cache that is broken must not stop anybody
        log.warning("the image cache cannot be read", key=image.store_key, error=str(error))
    source = open_copy(image)
    if cache is None or not whole:
        return source
    return cast(BinaryIO, FillingReader(source, cache, image))


class FillingReader(io.RawIOBase):
    """Remote data that goes into the cache as it is read, from the first byte to the last.

    The copy begins at the first read and is kept when the reader is closed; whoever leaves off
    before the end, or moves about, leaves no copy.
    """

    def __init__(self, source: BinaryIO, cache: ImageCache, image: Image) -> None:
        self._source, self._cache, self._image = source, cache, image
        self._copy: IncomingCopy | None = None
        self._begun = False

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._source.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; unless it is to where it is, there will be no copy."""
        before = self._source.tell()
        after = self._source.seek(offset, whence)
        if after != before:
            self._begun = True
            self._leave()
        return after

    def readinto(self, into: Any) -> int:
        """Read what comes next, and write it to the copy."""
        view = memoryview(into).cast("B")
        if not self._begun:
            self._begun = True
            self._copy = self._begin()
        chunk = self._source.read(len(view))
        view[: len(chunk)] = chunk
        if self._copy is not None:
            self._write(self._copy, chunk)
        return len(chunk)

    def _begin(self) -> IncomingCopy | None:
        image = self._image
        try:
            return self._cache.begin(image.store_key, size=image.size, sha512=image.os_hash_value)
        except OSError as error:
            self._complain(error)
            return None

    def _write(self, copy: IncomingCopy, chunk: bytes) -> None:
        try:
            copy.write(chunk)
        except OSError as error:  # the disk is full: the reader gets the data all the same
            self._complain(error)
            self._leave()

    def _leave(self) -> None:
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.drop()

    def _complain(self, error: OSError) -> None:
        log.warning("an image could not be cached", key=self._image.store_key, error=str(error))

    def close(self) -> None:
        """Keep the copy if it is whole and right."""
        copy, self._copy = self._copy, None
        try:
            if copy is not None:
                copy.end()
        except OSError as error:
            self._complain(error)
        finally:
            self._source.close()
            super().close()
