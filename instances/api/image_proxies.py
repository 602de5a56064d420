"""Images as the compute API passed them on below 2.36 (contract 3.5): each is a call of the images' manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.listing import Page
from image.filters import ImageFilter
from image.manager import ImageManager
from instances.api.serializers import image_proxies as wire
from instances.api.volume_proxies import PROXIED

if TYPE_CHECKING:
    from image.models import Image

PAGE = parameters("limit", "marker", "name")


class ImageProxyViewSet(ServiceViewSet):
    """``/images``."""

    manager: ClassVar[type[ImageManager]] = ImageManager

    @PROXIED
    @extend_schema(parameters=PAGE, responses={200: listing("images", wire.ImageNamed)})
    def list(self, request: Request) -> Response:
        """List names."""
        return Response({"images": self.shown_all(wire.ImageNamed, self._page().rows)})

    @PROXIED
    @extend_schema(parameters=PAGE, responses={200: listing("images", wire.ProxiedImage)})
    def list_detail(self, request: Request) -> Response:
        """List images."""
        return Response({"images": self.shown_all(wire.ProxiedImage, self._page().rows)})

    @PROXIED
    @extend_schema(responses={200: within("image", wire.ProxiedImage)})
    def retrieve(self, request: Request, image_id: str) -> Response:
        """Show an image."""
        row = self.manager(self.context).get(image_id)
        return Response({"image": self.shown(wire.ProxiedImage, row)})

    @PROXIED
    @extend_schema(responses={204: None})
    def destroy(self, request: Request, image_id: str) -> Response:
        """Delete an image."""
        self.manager(self.context).delete(image_id)
        return empty(204)

    def _page(self) -> Page[Image]:
        query = self.request.query_params
        name = query.get("name")
        return self.manager(self.context).list(
            wanted=ImageFilter(any_of={"name": (name,)} if name else {}),
            marker=query.get("marker"),
            limit=parse_limit(query.get("limit")),
        )
