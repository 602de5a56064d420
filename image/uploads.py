"""One upload: from a request's stream into a store or the staging area, no transaction held."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import transaction

from cloudweb.database import clock
from cloudweb.exceptions import CloudwebError
from cloudweb.stores.base import Store
from cloudweb.stores.configured import store
from image import quotas, reception, states
from image.exceptions import ImageConflict, ImageGone
from image.inspection import Readable
from image.models import Image
from image.querysets import ImageQuerySet
from image.stores import staging

#: An upload says this often that it lives (see ``states.ABANDONED``).
SEEN_EVERY = timedelta(seconds=15)


class Upload:
    """The one upload that may finish an image; built after the caller's right to it was checked."""

    status: ClassVar[str] = states.SAVING

    def __init__(
        self, image: Image, *, store_id: str, expected: int | None, sha512: str = ""
    ) -> None:
        self.image = image
        self.sha512 = sha512
        self.store_id = store_id
        self.expected = expected
        self.id = uuid.uuid4().hex
        self.key = f"{image.id}.{self.id}"
        self._allowance = quotas.Allowance(image, self._rows, lost=self._lost)

    def run(self, stream: Readable) -> None:
        """Store the stream and make the image active; with ``sha512`` only if it is that of the data.

        Raises ImageConflict when another upload has the image, ImageGone when it was deleted,
        ImageRefused, ImageTooLarge, QuotaExceeded, StoreFull, BadRequest for a stream that ends early. Then nothing
        is left in the store, and the image is queued again unless another upload has it.
        """
        self._begin()
        try:
            self._receive(stream)
        except BaseException:
            self._rows().update(
                status=states.QUEUED,
                upload_id="",
                upload_seen_at=None,
                incoming_size=0,
                updated_at=clock.now(),
            )
            raise

    def _begin(self) -> None:
        now = clock.now()
        with transaction.atomic():
            quotas.reserve_upload(self.image)
            if not Image.objects.all().begin_upload(
                self.image.id,
                status=self.status,
                upload_id=self.id,
                now=now,
                abandoned_before=now - states.ABANDONED,
            ):
                raise self._lost()

    def _rows(self) -> ImageQuerySet:
        return Image.objects.all().of_upload(self.image.id, self.id)

    def _store(self) -> Store:
        return store(self.store_id)

    def _receive(self, stream: Readable) -> None:
        self._allowance.cover(self.expected or 0, exactly=True)
        incoming = self._store().receive(self.key, expected=self.expected)
        self._seen = time.monotonic()
        try:
            facts = reception.receive(
                stream,
                incoming,
                disk_format=self.image.disk_format,
                container_format=self.image.container_format,
                expected=self.expected,
                sha512=self.sha512,
                on_chunk=self._on_chunk,
            )
            incoming.keep()
            self._finish(facts)
        except BaseException:
            incoming.drop()
            raise

    def _finish(self, facts: reception.Facts) -> None:
        done = self._rows().update(
            **facts, incoming_size=0, updated_at=clock.now(), **self._outcome()
        )
        if not done:
            raise self._lost()

    def _outcome(self) -> dict[str, object]:
        return {
            "status": states.ACTIVE,
            "store_key": self.key,
            "stores": [self.store_id],
            "upload_id": "",
            "upload_seen_at": None,
        }

    def _on_chunk(self, total: int) -> None:
        self._allowance.cover(total)
        self._say_alive()

    def _say_alive(self) -> None:
        if time.monotonic() - self._seen < SEEN_EVERY.total_seconds():
            return
        self._seen = time.monotonic()
        if not self._rows().update(upload_seen_at=clock.now()):
            raise self._lost()

    def _lost(self) -> CloudwebError:
        """Return the reason why this upload may not go on: deleted, or not to be written now."""
        status = (
            Image.objects.all()
            .live()
            .filter(id=self.image.id)
            .values_list("status", flat=True)
            .first()
        )
        if status is None:
            return ImageGone()
        if status == states.SAVING:
            return ImageConflict("Another upload of this image is under way.")
        return ImageConflict(f"Data cannot be uploaded to an image in status {status}.")


class StagingUpload(Upload):
    """An upload that an import takes further: the image stays ``uploading`` with its data staged.

    ``upload_id`` goes on naming the data; nobody has to be seen alive any more.
    """

    status = states.UPLOADING

    def __init__(self, image: Image, *, expected: int | None) -> None:
        super().__init__(image, store_id="", expected=expected)

    def _store(self) -> Store:
        return staging()

    def _outcome(self) -> dict[str, object]:
        return {"upload_seen_at": None}
