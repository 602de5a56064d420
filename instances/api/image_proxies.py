"""Images as the compute API passed them on below 2.36 (contract 3.5): each is a call of the images' manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.listing import Page
from cloudweb.microversions import Versions
from cloudweb.microversions.compute import until
from image.changes import BASE, Change
from image.filters import ImageFilter
from image.manager import ImageManager
from instances.api.serializers import image_proxies as wire
from instances.api.serializers.server_bodies import MetadataBody, MetadataItem
from instances.api.volume_proxies import PROXIED

if TYPE_CHECKING:
    from image.models import Image

PAGE = parameters("limit", "marker", "name")
#: The properties of an image outlived the rest.
WITH_METADATA: Versions = until(38)


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


class ImageMetadataProxyViewSet(ServiceViewSet):
    """``/images/{id}/metadata``: the properties of an image."""

    manager: ClassVar[type[ImageManager]] = ImageManager

    @WITH_METADATA
    @extend_schema(responses={200: MetadataBody})
    def list(self, request: Request, image_id: str) -> Response:
        """Show all."""
        return self._all(self.manager(self.context).get(image_id))

    @WITH_METADATA
    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def merge(self, request: Request, image_id: str) -> Response:
        """Add or change some."""
        items = self.validated(MetadataBody).metadata
        return self._all(self._changed(image_id, items))

    @WITH_METADATA
    @extend_schema(request=MetadataBody, responses={200: MetadataBody})
    def replace(self, request: Request, image_id: str) -> Response:
        """Replace all."""
        items = self.validated(MetadataBody).metadata
        there = self.manager(self.context).get(image_id).shown_properties
        return self._all(self._changed(image_id, items, gone=[*(there.keys() - items.keys())]))

    @WITH_METADATA
    @extend_schema(responses={200: MetadataItem})
    def retrieve(self, request: Request, image_id: str, key: str) -> Response:
        """Show one."""
        there = self.manager(self.context).get(image_id).shown_properties
        return Response({"meta": {key: _of(there, key)}})

    @WITH_METADATA
    @extend_schema(request=MetadataItem, responses={200: MetadataItem})
    def update(self, request: Request, image_id: str, key: str) -> Response:
        """Set one."""
        item = self.validated(MetadataItem).meta
        if key not in item:
            raise BadRequest("Request body and URI mismatch")
        self._changed(image_id, item)
        return Response({"meta": item})

    @WITH_METADATA
    @extend_schema(responses={204: None})
    def destroy(self, request: Request, image_id: str, key: str) -> Response:
        """Remove one."""
        _of(self.manager(self.context).get(image_id).shown_properties, key)
        self._changed(image_id, {}, gone=[key])
        return empty(204)

    def _changed(
        self, image_id: str, items: Mapping[str, str], *, gone: Sequence[str] = ()
    ) -> Image:
        if wrong := sorted(BASE.keys() & items.keys()):
            raise BadRequest(f"'{wrong[0]}' is no property but an attribute of the image.")
        added = [Change("add", name, value) for name, value in items.items()]
        changes = [*added, *(Change("remove", name) for name in gone)]
        return self.manager(self.context).update(image_id, changes)

    def _all(self, row: Image) -> Response:
        return Response({"metadata": row.shown_properties})


def _of(there: Mapping[str, str], key: str) -> str:
    if key not in there:
        raise NotFound("Metadata item was not found")
    return there[key]
