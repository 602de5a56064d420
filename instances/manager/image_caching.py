"""Images that operators bring to hosts beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from django.db import transaction

from cloudweb.exceptions import BadRequest, Conflict, NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.manager import AggregateManager
from image.manager import ImageManager
from instances.operations import CacheImageOnHost


class ImageCachingManager(Manager):
    """Each host fetches each image by an operation of its own, so that one that is down stops no other."""

    @policy("compute:aggregates:cache_images")
    def cache(self, aggregate_id: str, image_ids: Sequence[str]) -> None:
        """Start bringing images to all hosts of an aggregate; what is on its way comes once.

        Raises AggregateNotFound, and BadRequest for an image there is none of, or none to boot from.
        """
        hosts = AggregateManager(self.context).get(aggregate_id).hosts.all()
        images = ImageManager(self.context)
        for image_id in image_ids:
            try:
                images.location(image_id)
            except (NotFound, Conflict) as error:
                raise BadRequest(error.message) from error
        for host in hosts:
            for image_id in image_ids:
                key, args = f"{image_id}@{host.number}", {"host": host.name, "image_id": image_id}
                with suppress(Conflict), transaction.atomic():
                    CacheImageOnHost.start(self.context, resource_id=key, args=args)
