"""The data of images: in, out, and where a host fetches it."""

from __future__ import annotations

import uuid
from typing import BinaryIO

from django.conf import settings

from cloudweb.exceptions import BadRequest
from cloudweb.policy import policy
from cloudweb.stores.configured import default_store, store
from image import locations, states
from image.caching import open_near
from image.exceptions import ImageDeactivated, ImageNotFound
from image.inspection import Readable
from image.manager.finding import ImageFinder
from image.models import Image
from image.objects import ImageLocation
from image.reception import too_large
from image.uploads import StagingUpload, Upload


class ImageDataManager(ImageFinder):
    """The bytes of images."""

    @policy("image:images:upload")
    def upload(
        self,
        image_id: str | uuid.UUID,
        stream: Readable,
        *,
        size: int | None = None,
        store_id: str | None = None,
    ) -> None:
        """Take the image's data from a stream of ``size`` bytes (None: until it ends).

        ``store_id`` names where it goes. Errors and what they leave: ``Upload.run``, UnknownStore.
        Must not run inside a transaction.
        """
        image = self._receivable(image_id, size)
        store(store_id or default_store())
        Upload(image, store_id=store_id or default_store(), expected=size).run(stream)

    @policy("image:images:stage")
    def stage(
        self, image_id: str | uuid.UUID, stream: Readable, *, size: int | None = None
    ) -> None:
        """Take the data into the staging area; an import makes an image of it.

        Errors as of ``upload``.
        """
        StagingUpload(self._receivable(image_id, size), expected=size).run(stream)

    def _receivable(self, image_id: str | uuid.UUID, size: int | None) -> Image:
        image = self._own(image_id)
        if not image.disk_format or not image.container_format:
            raise BadRequest("The disk_format and container_format must be set before the upload.")
        if size is not None and size > settings.IMAGE_MAX_SIZE:
            raise too_large()
        return image

    @policy("image:images:download")
    def open(
        self, image_id: str | uuid.UUID, *, whole: bool = True
    ) -> tuple[Image, BinaryIO | None]:
        """Return the image and its data as a file to close; None while there is none.

        ``whole`` says that all of it will be read, which fills the cache of this machine.
        Raises ImageDeactivated for a caller who is not an admin.
        """
        image = self._find(image_id)
        if image.status == states.DEACTIVATED and not self.context.is_admin:
            raise ImageDeactivated
        return image, _opened(image, whole=whole)

    @policy("image:images:get")
    def location(
        self,
        image_id: str | uuid.UUID,
        *,
        role: locations.Role = "disk",
        base_url: str | None = None,
    ) -> ImageLocation:
        """Return where a host fetches this image for ten minutes.

        Raises ImageNotFound, ImageConflict (not active), ImageNotBootable (no host can open it).
        """
        image = self._find(image_id)
        return locations.location_of(image, role=role, base_url=base_url)


def _opened(image: Image, *, whole: bool) -> BinaryIO | None:
    if not image.has_data:
        return None
    try:
        return open_near(image, whole=whole)
    except FileNotFoundError:
        raise ImageNotFound(image.id) from None
