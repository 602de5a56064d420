"""What operators see and do of the image cache."""

from __future__ import annotations

import builtins
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from cloudweb.exceptions import BadRequest
from cloudweb.policy import policy
from cloudweb.stores.exceptions import StoreUnavailable
from image import states
from image.cache import CachedCopy, ImageCache, image_cache
from image.caching import needs_cache
from image.exceptions import ImageNotFound, NoImageCache
from image.manager.finding import ImageFinder
from image.models import Image
from image.operations.cache_image import CacheImage
from operations.exceptions import OperationCannotTurnBack, OperationEnded
from operations.history import Entry, wanted_of
from operations.manager import OperationManager

Target = Literal["cache", "queue", "both"]


@dataclass(frozen=True, slots=True)
class CacheState:
    """The copies in the cache of the machine that answers, and the images that are prefetched."""

    copies: list[CachedCopy]
    queued: list[str]


class ImageCacheManager(ImageFinder):
    """The image cache. Every method raises NoImageCache where there is none, StoreUnavailable."""

    @policy("image:cache:list")
    def list(self) -> CacheState:
        """Return what is cached, the least recently read first, and what is on its way."""
        copies = _cache().entries()
        return CacheState(copies, [entry.resource_id for entry in _queue()])

    @policy("image:cache:queue")
    def queue(self, image_id: str | uuid.UUID) -> None:
        """Have an image prefetched; nothing happens when it is there or queued already.

        Raises ImageNotFound, BadRequest for one that cannot be cached, ResourceBusy.
        """
        cache, image = _cache(), self._find(image_id)
        _check(image, cache)
        if cache.has(image.store_key) or _queue(str(image.id)):
            return
        with transaction.atomic():
            CacheImage.start(self.context, resource_id=str(image.id))

    @policy("image:cache:delete")
    def delete(self, image_id: str | uuid.UUID) -> None:
        """Remove an image from cache and queue, one that is deleted too.

        Raises ImageNotFound when there is neither such an image nor a copy of it.
        """
        cache, key = _cache(), _id(image_id)
        queued = _queue(key)
        self._cancel(queued)
        if not cache.forget(f"{key}.") and not queued:
            self._find(key)

    @policy("image:cache:clear")
    def clear(self, *, target: Target = "both") -> None:
        """Remove all copies, end all prefetches, or both."""
        cache = _cache()
        if target != "cache":
            self._cancel(_queue())
        if target != "queue":
            cache.forget("")

    def _cancel(self, entries: builtins.list[Entry]) -> None:
        for entry in entries:
            with suppress(OperationEnded, OperationCannotTurnBack):  # it ended by itself
                OperationManager(self.context).cancel(entry.id)


def _cache() -> ImageCache:
    try:
        cache = image_cache()
    except OSError as error:
        raise StoreUnavailable("The image cache cannot be used.", detail=str(error)) from error
    if cache is None:
        raise NoImageCache
    return cache


def _queue(image_id: str | None = None) -> list[Entry]:
    return [entry for entry in wanted_of("image.cache") if image_id in (None, entry.resource_id)]


def _id(image_id: str | uuid.UUID) -> str:
    try:
        return str(uuid.UUID(str(image_id)))
    except ValueError:
        raise ImageNotFound(image_id) from None


def _check(image: Image, cache: ImageCache) -> None:
    if image.status != states.ACTIVE:
        raise BadRequest(f"Only active images are cached; this one is {image.status}.")
    if not needs_cache(image):
        raise BadRequest("The image is read from a store on this site; it needs no copy.")
    if not 0 < image.size <= cache.limit:
        raise BadRequest(
            f"The image has {image.size} bytes; the image cache takes 1 to {cache.limit}."
        )
