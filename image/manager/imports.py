"""Starting imports: which method, from where, into which stores."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from cloudweb.database import clock
from cloudweb.encryption import encrypt
from cloudweb.exceptions import BadRequest
from cloudweb.policy import check, policy
from cloudweb.stores.configured import default_store, store_ids
from image import quotas, states
from image.download.rules import Rules
from image.exceptions import ImageConflict, ImageGone
from image.manager.finding import ImageFinder
from image.models import Image
from image.operations.copy_image import CopyImage
from image.operations.import_image import ImportImage
from operations.history import Entry, operations_of

METHODS = ("glance-direct", "web-download", "copy-image")
#: The status an image must have for each of them.
_STATUS = {
    "glance-direct": states.UPLOADING,
    "web-download": states.QUEUED,
    "copy-image": states.ACTIVE,
}


def methods() -> list[str]:
    """Return the methods that the operator offers."""
    return [name for name in METHODS if name in settings.IMAGE_IMPORT_METHODS]


class ImageImportManager(ImageFinder):
    """Imports of images."""

    @policy("image:images:import")
    def start(
        self,
        image_id: str | uuid.UUID,
        *,
        method: str,
        uri: str | None = None,
        stores: Sequence[str] | None = None,
        all_stores: bool = False,
        all_stores_must_succeed: bool = True,
        task_input: Mapping[str, Any] | None = None,
    ) -> Image:
        """Begin an import; the image is active when it has ended well.

        ``task_input``: what the task was given of which it is a part, without its URL.
        Raises BadRequest, UrlRefused, UnknownStore, ImageConflict, ResourceBusy.
        """
        if method not in methods():
            raise BadRequest(f"Unknown import method name {method[:80]!r}.")
        if method == "copy-image":
            check(self.context, "image:images:copy")
        image = self._own(image_id)
        wanted = self._stores(image, method, stores, all_stores=all_stores)
        args: dict[str, Any] = {
            "method": method,
            "stores": wanted,
            "all_stores_must_succeed": all_stores_must_succeed,
        }
        values: dict[str, Any] = {}
        if method == "web-download":
            target = Rules.of_settings().target(uri or "")
            args["uri"] = str(target)
            if task_input is not None:
                args["task_input"] = {"import_from": str(target), **task_input}
            values["import_source"] = encrypt(uri or "")
        if method != "copy-image" and not (image.disk_format and image.container_format):
            raise BadRequest("The disk_format and container_format must be set before the import.")
        self._begin(image, method, args, values)
        return image

    def _begin(
        self, image: Image, method: str, args: dict[str, Any], values: dict[str, Any]
    ) -> None:
        wanted = args["stores"]
        rows = Image.objects.filter(id=image.id, status=_STATUS[method])
        if method == "glance-direct":
            rows = rows.filter(upload_seen_at__isnull=True)
        with transaction.atomic():
            if method != "copy-image":
                values |= {"status": states.IMPORTING}
            taken = rows.update(
                importing_to=wanted, failed_import=[], updated_at=clock.now(), **values
            )
            if not taken:
                raise self._conflict(image, method)
            quotas.reserve_upload(image)
            further = len(wanted) if image.stores else len(wanted) - 1
            quotas.Allowance(
                image, Image.objects.all().filter(id=image.id).all, lost=ImageGone
            ).cover(image.size * (1 + further), exactly=True)
            saga = CopyImage if method == "copy-image" else ImportImage
            saga.start(self.context, resource_id=str(image.id), args=args)

    def _conflict(self, image: Image, method: str) -> ImageConflict:
        now = self._find(image.id)
        if method == "glance-direct" and now.status == states.UPLOADING:
            return ImageConflict("The data of the image is still being staged.")
        return ImageConflict(
            f"The import method {method} needs an image in status {_STATUS[method]}; "
            f"this one is {now.status}."
        )

    def _stores(
        self, image: Image, method: str, stores: Sequence[str] | None, *, all_stores: bool
    ) -> list[str]:
        if all_stores and stores:
            raise BadRequest("Either all_stores or a list of stores, not both.")
        known = store_ids()
        wanted = known if all_stores else list(dict.fromkeys(stores or [default_store()]))
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise BadRequest(
                f"There is no image store {unknown[0][:80]!r}; there are: {', '.join(known)}."
            )
        if method == "copy-image":
            wanted = [name for name in wanted if name not in image.stores]
            if not wanted:
                raise BadRequest("The image is in all of these stores already.")
        return wanted

    @policy("image:images:get")
    def history(self, image_id: str | uuid.UUID) -> Sequence[Entry]:
        """Return the image's operations, newest first; only its project and operators see them."""
        image = self._find(image_id)
        if not self.context.is_admin and image.project_id != self.context.project_id:
            return []
        return operations_of("image", str(image.id))
