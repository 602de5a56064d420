"""What died half-way is finished: deletions, uploads, and data that no image names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import structlog

from cloudweb.database import clock
from cloudweb.stores.configured import store, store_ids
from cloudweb.stores.exceptions import StoreUnavailable
from image import states
from image.cache import image_cache
from image.copies import erase_copies
from image.models import Image
from image.reception import NO_FACTS
from image.stores import staging

log = structlog.get_logger(__name__)
#: Staged data that nobody imports waits this long.
STAGED_FOR = timedelta(days=7)


def erase(image: Image) -> None:
    """Remove the data of a deleted image, then its row. Raises StoreUnavailable."""
    image.refresh_from_db(fields=["store_key", "stores"])  # an upload may have ended just before
    erase_copies(image)
    if image.upload_id:
        staging().delete(f"{image.id}.{image.upload_id}")
    image.delete()


def reap() -> Sequence[str]:
    """Do it once; a store that does not answer is left to the next time. Return the keys removed."""
    before = clock.now() - states.ABANDONED
    forgotten = Image.objects.all().staged().filter(updated_at__lt=clock.now() - STAGED_FOR)
    for rows in (Image.objects.all().abandoned(before), forgotten):
        rows.update(
            status=states.QUEUED, upload_id="", upload_seen_at=None, incoming_size=0, **NO_FACTS
        )
    for image in Image.objects.filter(status=states.DELETED, updated_at__lt=before):
        with _who_is_away_is_left():
            erase(image)
    busy = {str(image_id) for image_id in Image.objects.all().busy().values_list("id", flat=True)}

    def in_work(key: str) -> bool:
        return key.partition(".")[0] in busy

    _reap_cache()
    removed = staging().reap(in_work, older_than=10 * states.ABANDONED)
    for store_id in store_ids():
        with _who_is_away_is_left():
            removed += _reap_store(store_id, in_work)
    return removed


def _reap_cache() -> None:
    """Let the cache of this machine go on with what images name."""
    rows = Image.objects.all().live().exclude(store_key="").values_list("store_key", flat=True)
    try:
        if (cache := image_cache()) is not None:
            cache.reap(set(rows.iterator()).__contains__)
    except OSError as error:
        log.warning("the image cache cannot be written", error=str(error))


def _reap_store(store_id: str, in_work: Callable[[str], bool]) -> list[str]:
    rows = Image.objects.exclude(store_key="").values_list("store_key", "stores")
    kept = {key for key, stores in rows.iterator() if store_id in stores}
    return store(store_id).reap(
        lambda key: key in kept or in_work(key), older_than=10 * states.ABANDONED
    )


@contextmanager
def _who_is_away_is_left() -> Iterator[None]:
    try:
        yield
    except StoreUnavailable as error:
        log.warning("an image store does not answer", error=error.detail)
