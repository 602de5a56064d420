"""/v2/info/stores and /v2/stores: where image data can be kept, and an image's copy in one."""

from __future__ import annotations

from typing import Annotated

from drf_spectacular.utils import extend_schema
from pydantic import RootModel
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.shown import Filled, Of
from cloudweb.api.views import ServiceViewSet, empty
from image.manager.copies import ImageCopyManager
from image.manager.stores import StoreManager


class StoreShown(Answer):
    """A store; ``default`` is said of the default one alone."""

    id: str
    description: str
    default: Annotated[bool, Of("is_default"), Filled()] = True


class StoreDetails(Answer):
    """A store as operators see it."""

    id: str
    type: str
    description: str
    default: bool
    weight: int
    properties: dict[str, str]


class CopyPlace(Answer):
    """Which store has a copy."""

    store: str


class CopyShown(Answer):
    """A copy of an image's data."""

    url: str
    metadata: CopyPlace


class CopyList(RootModel[list[CopyShown]]):
    """All copies of one image's data."""


class StoreViewSet(ServiceViewSet):
    """The stores of this cloud."""

    manager = StoreManager

    @extend_schema(operation_id="image_stores_list", responses={200: listing("stores", StoreShown)})
    def list(self, request: Request) -> Response:
        """Return them, the default one marked."""
        return Response({"stores": self.shown_all(StoreShown, self.manager(self.context).list())})

    @extend_schema(
        operation_id="image_stores_detail", responses={200: listing("stores", StoreDetails)}
    )
    def describe(self, request: Request) -> Response:
        """Return them with what operators are told besides."""
        stores = [
            {
                "id": store.id,
                "type": store.kind,
                "description": store.description,
                "default": store.is_default,
                "weight": 0,
                "properties": dict(facts),
            }
            for store, facts in StoreManager(self.context).detail()
        ]
        return Response({"stores": stores})


class ImageCopyViewSet(ServiceViewSet):
    """The copies of one image's data, each in one store."""

    manager = ImageCopyManager

    @extend_schema(operation_id="image_images_locations", responses={200: CopyList})
    def of_image(self, request: Request, image_id: str) -> Response:
        """Return where all of them are; for operators."""
        copies = ImageCopyManager(self.context).list(image_id)
        return Response([{"url": url, "metadata": {"store": name}} for name, url in copies])

    @extend_schema(operation_id="image_stores_remove_copy", responses={204: None})
    def remove(self, request: Request, store_id: str, image_id: str) -> Response:
        """Remove it; the image keeps its other copies."""
        ImageCopyManager(self.context).remove(image_id, store_id)
        return empty(204)
