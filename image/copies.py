"""The copies of an image's data: one in each of its stores, under one key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import BinaryIO

import structlog

from cloudweb.exceptions import CloudwebError
from cloudweb.stores.configured import UnknownStore, ordered, store
from cloudweb.stores.exceptions import StoreUnavailable
from image.cache import image_cache
from image.models import Image
from image.reception import CHUNK

log = structlog.get_logger(__name__)


def open_copy(image: Image) -> BinaryIO:
    """Open the data in the first of the image's stores that has it.

    Raises FileNotFoundError, or StoreUnavailable when one that does not answer may have it.
    """
    missing: Exception = FileNotFoundError(image.store_key)
    for store_id in ordered(image.stores):
        try:
            return store(store_id).open(image.store_key)
        except StoreUnavailable as error:
            missing = error
        except (FileNotFoundError, UnknownStore) as error:
            log.warning("an image's data is missing", image=str(image.id), store=store_id)
            if not isinstance(missing, StoreUnavailable):
                missing = FileNotFoundError(str(error))
    raise missing


def erase_copies(image: Image) -> None:
    """Make the data absent in every store that is still there. Raises StoreUnavailable."""
    if not image.store_key:
        return
    try:
        if (cache := image_cache()) is not None:
            cache.forget(image.store_key)
    except OSError as error:  # nobody reads a copy under a key that no image names
        log.warning("the image cache cannot be written", image=str(image.id), error=str(error))
    for store_id in image.stores:
        try:
            store(store_id).delete(image.store_key)
        except UnknownStore:
            log.warning("an image's store is gone", image=str(image.id), store=store_id)


def copy(
    source: BinaryIO,
    *,
    store_id: str,
    key: str,
    size: int,
    sha512: str,
    on_chunk: Callable[[int], object],
) -> None:
    """Copy data that is known into a store, and check that it arrived as it is known.

    Two that copy at once do not harm each other: only what is right is kept, and only what was never
    readable is dropped. Raises StoreFull, StoreUnavailable, DamagedData.
    """
    incoming = store(store_id).receive(key, expected=size)
    digest, total = hashlib.sha512(), 0
    try:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            incoming.write(chunk)
            total += len(chunk)
            on_chunk(total)
        _check(digest.hexdigest(), sha512)
        incoming.sync()
    except BaseException:
        incoming.drop()
        raise
    incoming.keep()


def _check(found: str, known: str) -> None:
    if found != known:
        raise DamagedData(detail=f"its sha512 is {found} instead of {known}")


class DamagedData(CloudwebError):
    """What a store gave back is not what was put into it."""

    code = "image_data_damaged"
    default_message = "The image data was damaged on its way; ask the operator."
