"""POST /os-aggregates/{id}/images: images brought to hosts beforehand (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.fields import Body
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.compute import since
from instances.manager.image_caching import ImageCachingManager


class ImageWanted(Body):
    """An image."""

    id: UUID


class ImagesWanted(Body):
    """Which images; each once."""

    cache: Annotated[list[ImageWanted], Field(min_length=1, max_length=100)]


class ImageCachingViewSet(ServiceViewSet):
    """Images on the hosts of an aggregate."""

    manager: ClassVar[type[ImageCachingManager]] = ImageCachingManager

    @since(81)
    @extend_schema(request=ImagesWanted, responses={202: None})
    def create(self, request: Request, aggregate_id: str) -> Response:
        """Have them fetched; how far that is, operators see among the operations."""
        wanted = [str(one.id) for one in self.validated(ImagesWanted).cache]
        if len({*wanted}) < len(wanted):
            raise BadRequest("An image is named twice.")
        self.manager(self.context).cache(aggregate_id, wanted)
        return empty(202)
