"""Delete an image that something is at work on: that is undone first."""

from __future__ import annotations

from datetime import timedelta

import structlog

from cloudweb.stores.exceptions import StoreUnavailable
from image import states
from image.models import Image
from image.operations.transfers import clear_staging
from image.reaping import erase
from operations.jobs import Running
from operations.saga import Job, Run, Saga, Step

log = structlog.get_logger(__name__)


def erase_all(run: Run) -> Job:
    """Erase data and row."""
    return Job(lambda running: _erase_all(running, run.resource_id))


def _erase_all(running: Running, image_id: str) -> None:
    running.check()
    clear_staging(image_id)
    image = Image.objects.filter(id=image_id, status=states.DELETED).first()
    if image is None:
        return
    try:
        erase(image)
    except StoreUnavailable as error:  # nobody sees the image any more; the reaper goes on
        log.warning("an image's data is left to the reaper", image=image_id, error=error.detail)


class DeleteImage(Saga):
    """Erase an image whose import or copy was under way when its user deleted it."""

    kind = "image.delete"
    resource_type = "image"
    deadline = timedelta(hours=1)
    steps = (Step("erase", erase_all, max_failures=10),)
