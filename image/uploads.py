"""One upload: from a stream into the store, hashed and inspected on the way, no transaction held."""

from __future__ import annotations

import hashlib
import time
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from cloudweb.database import clock
from cloudweb.exceptions import BadRequest, CloudwebError
from image import quotas, states
from image.exceptions import ImageConflict, ImageGone, ImageTooLarge
from image.inspection import InspectedStream, Readable, check_stored
from image.models import Image
from image.querysets import ImageQuerySet
from image.stores import DEFAULT_STORE
from image.stores.base import Incoming, Store

CHUNK = 1024 * 1024
#: An upload says this often that it lives; after ``ABANDONED`` another may take its place.
SEEN_EVERY = timedelta(seconds=15)
ABANDONED = timedelta(seconds=60)


class Upload:
    """The one upload that may finish an image; built after the caller's right to it was checked."""

    def __init__(self, image: Image, *, store: Store, max_size: int, expected: int | None) -> None:
        self.image = image
        self.store = store
        self.max_size = max_size
        self.expected = expected
        self.id = uuid.uuid4().hex
        self.key = f"{image.id}.{self.id}"

    def run(self, stream: Readable) -> None:
        """Store the stream and make the image active.

        Raises ImageConflict when another upload has the image, ImageGone when it was deleted,
        ImageRefused, ImageTooLarge, QuotaExceeded, StoreFull, BadRequest for a stream that ends early. Then nothing
        is left in the store, and the image is queued again unless another upload has it.
        """
        now = clock.now()
        if not Image.objects.all().begin_upload(
            self.image.id, upload_id=self.id, now=now, abandoned_before=now - ABANDONED
        ):
            raise self._lost()
        try:
            self._receive(stream)
        except BaseException:
            self._rows().update(
                status=states.QUEUED, upload_id="", upload_seen_at=None, updated_at=clock.now()
            )
            raise

    def _rows(self) -> ImageQuerySet:
        return Image.objects.all().of_upload(self.image.id, self.id)

    def _receive(self, stream: Readable) -> None:
        incoming = self.store.receive(self.key, expected=self.expected)
        try:
            facts = self._store(stream, incoming)
            incoming.keep()
            self._finish(facts)
        except BaseException:
            incoming.drop()
            raise

    def _store(self, stream: Readable, incoming: Incoming) -> dict[str, str | int]:
        """Copy the stream with bounded memory; return what is now known about the data."""
        source = InspectedStream(
            stream,
            disk_format=self.image.disk_format,
            container_format=self.image.container_format,
            max_virtual_size=settings.IMAGE_MAX_VIRTUAL_SIZE,
        )
        md5 = hashlib.md5(usedforsecurity=False)
        sha512 = hashlib.sha512()
        seen = time.monotonic()
        while chunk := source.read(CHUNK):
            if source.total > self.max_size:
                raise ImageTooLarge(f"The image data is over the limit of {self.max_size} bytes.")
            md5.update(chunk)
            sha512.update(chunk)
            incoming.write(chunk)
            if time.monotonic() - seen >= SEEN_EVERY.total_seconds():
                self._say_alive()
                seen = time.monotonic()
        if self.expected is not None and source.total != self.expected:
            raise BadRequest(
                f"The image data has {source.total} bytes instead of the announced {self.expected}."
            )
        incoming.sync()
        with incoming.path.open("rb") as file:
            check_stored(
                file,
                disk_format=self.image.disk_format,
                container_format=self.image.container_format,
            )
        return {
            "size": source.total,
            "virtual_size": source.virtual_size,
            "checksum": md5.hexdigest(),
            "os_hash_algo": "sha512",
            "os_hash_value": sha512.hexdigest(),
        }

    def _finish(self, facts: dict[str, str | int]) -> None:
        with transaction.atomic():
            quotas.reserve_size(self.image.project_id, int(facts["size"]))
            done = self._rows().update(
                **facts,
                status=states.ACTIVE,
                store_key=self.key,
                stores=[DEFAULT_STORE],
                upload_id="",
                upload_seen_at=None,
                updated_at=clock.now(),
            )
        if not done:
            raise self._lost()

    def _say_alive(self) -> None:
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
