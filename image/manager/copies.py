"""Copies of an image's data in single stores."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Sequence

from django.db import transaction

from cloudweb.database import clock
from cloudweb.database.locks import locked
from cloudweb.policy import policy
from cloudweb.stores.configured import ordered, store, store_ids
from image import states
from image.exceptions import CopyNotFound, ImageConflict, ImageProtected, LastCopy
from image.manager.finding import ImageFinder
from image.models import Image
from operations.holding import is_held


class ImageCopyManager(ImageFinder):
    """The copies that one image has; an import by ``copy-image`` makes further ones."""

    @policy("image:copies:list")
    def list(self, image_id: str | uuid.UUID) -> Sequence[tuple[str, str]]:
        """Return store and address of each copy, in the order in which they are read."""
        image = self._find(image_id)
        return [
            (name, store(name).url(image.store_key))
            for name in ordered(image.stores)
            if name in store_ids()
        ]

    @policy("image:copies:remove")
    def remove(self, image_id: str | uuid.UUID, store_id: str) -> None:
        """Remove the data from one store; what a store that does not answer keeps is reaped later.

        Raises CopyNotFound, ImageProtected, ImageConflict, LastCopy.
        """
        with transaction.atomic():
            image = self._own(image_id, locked(self._rows()))
            rest = self._rest(image, store_id)
            Image.objects.filter(id=image.id).update(stores=rest, updated_at=clock.now())
            if store_id in store_ids():
                place, key = store(store_id), image.store_key
                transaction.on_commit(lambda: place.delete(key), robust=True)

    def _rest(self, image: Image, store_id: str) -> builtins.list[str]:
        """Return the stores that keep it; raise why it cannot be removed."""
        if store_id not in image.stores:
            raise CopyNotFound(image.id, store_id)
        if image.protected:
            raise ImageProtected(f"Image {image.id} is protected and loses no copy.")
        if image.status != states.ACTIVE:
            raise ImageConflict(f"An image in status {image.status} loses no copy.")
        if is_held("image", str(image.id)):
            raise ImageConflict("The image is being copied or deleted.")
        rest = [name for name in image.stores if name != store_id]
        if not set(rest) & set(store_ids()):
            raise LastCopy(f"Store {store_id} has the only copy; delete the image instead.")
        return rest
