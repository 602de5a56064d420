"""/v2/cache: copies of remote images on the machine that answers."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from image.manager.cache import ImageCacheManager, Target

TARGET = "x-image-cache-clear-target"


class CachedImageShown(Answer):
    """A copy; times in seconds since 1970."""

    image_id: str
    hits: int
    last_accessed: float
    last_modified: float
    size: int


class ImageCacheViewSet(ServiceViewSet):
    """The image cache, for operators."""

    manager = ImageCacheManager

    @extend_schema(
        operation_id="image_cache_list",
        responses={200: listing("cached_images", CachedImageShown, queued_images=list[str])},
    )
    def list(self, request: Request) -> Response:
        """Return what is cached and what is queued."""
        state = ImageCacheManager(self.context).list()
        return Response(
            {
                "cached_images": self.shown_all(CachedImageShown, state.copies),
                "queued_images": state.queued,
            }
        )

    @extend_schema(operation_id="image_cache_queue", request=None, responses={202: None})
    def queue(self, request: Request, image_id: str) -> Response:
        """Queue an image for the cache."""
        ImageCacheManager(self.context).queue(image_id)
        return empty(202)

    @extend_schema(operation_id="image_cache_delete", responses={204: None})
    def destroy(self, request: Request, image_id: str) -> Response:
        """Remove an image from cache and queue."""
        ImageCacheManager(self.context).delete(image_id)
        return empty(204)

    @extend_schema(
        operation_id="image_cache_clear",
        parameters=[
            OpenApiParameter(TARGET, str, OpenApiParameter.HEADER, enum=["cache", "queue"])
        ],
        responses={204: None},
    )
    def clear(self, request: Request) -> Response:
        """Clear the cache, the queue, or (without the header) both."""
        ImageCacheManager(self.context).clear(target=_target(request))
        return empty(204)


def _target(request: Request) -> Target:
    text = request.headers.get(TARGET, "").lower() or "both"
    if text not in ("cache", "queue", "both"):
        raise BadRequest(f"The header {TARGET} must be 'cache', 'queue' or empty.")
    return cast(Target, text)
