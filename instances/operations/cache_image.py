"""Have an image at hand on a host before a server of it comes there."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.exceptions import Conflict, NotFound
from cloudweb.rpc import Order
from compute.objects import CacheRequest
from compute.rpc import CACHE_IMAGE
from image.manager import ImageManager
from instances.operations.guest import source_of
from operations.saga import Run, Saga, Step, StepFailed


def fetch(run: Run) -> Order:
    """Order the host to have it; it says its address anew each time, for that is good for minutes."""
    image_id = run.args["image_id"]
    try:
        found = ImageManager(run.context).location(image_id)
    except (NotFound, Conflict) as error:
        raise StepFailed(error.message) from error
    request = CacheRequest(image=source_of(found))
    return CACHE_IMAGE.order(host=run.args["host"], resource_id=image_id, payload=request)


class CacheImageOnHost(Saga):
    """Fetch ``args["image_id"]`` to ``args["host"]``, whose cache keeps it as any other."""

    kind = "instances.cache_image"
    resource_type = "cached_image"
    deadline = timedelta(hours=24)
    steps = (Step("fetch", fetch),)
