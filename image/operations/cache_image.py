"""Copy an image's data from a remote store into the cache of the machine that does the work."""

from __future__ import annotations

from datetime import timedelta

from image import states
from image.cache import image_cache
from image.caching import open_near
from image.models import Image
from image.operations.transfers import progress
from image.reception import CHUNK
from operations.jobs import Running
from operations.saga import Job, Run, Saga, Step, StepFailed


def fill(run: Run) -> Job:
    """Read the whole image, which fills the cache."""
    return Job(lambda running: _fill(running, run.resource_id), deadline=timedelta(hours=12))


def _fill(running: Running, image_id: str) -> None:
    cache = image_cache()
    if cache is None:
        raise StepFailed("The machine that does this work has no image cache.")
    image = Image.objects.filter(id=image_id, status=states.ACTIVE).first()
    if image is None:
        raise StepFailed("The image is not active any more.")
    if cache.has(image.store_key):
        return
    try:
        data = open_near(image)
    except FileNotFoundError as error:
        raise StepFailed("The image data is not where it was.", detail=str(error)) from error
    done = 0
    with data:
        while chunk := data.read(CHUNK):
            done += len(chunk)
            progress(running, done=done, total=image.size)
    if not cache.has(image.store_key):
        raise StepFailed("The image cache had no room, or the data was damaged on its way.")


class CacheImage(Saga):
    """Prefetch an active image; it can be used all the while. A copy that breaks off leaves nothing."""

    kind = "image.cache"
    resource_type = "image"
    deadline = timedelta(hours=24)
    steps = (Step("fill", fill),)
