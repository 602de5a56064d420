"""/v2/images: records."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error
from cloudweb.api.links import base_url
from cloudweb.api.page_links import links_after
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import UnsupportedMediaType
from cloudweb.stores.configured import store_ids
from image.api.serializers.images import IMAGES, ImageCreate, ImageShown, image_body, list_body
from image.api.serializers.patches import MEDIA_TYPES, PATCHES, parse_patch
from image.api.serializers.queries import PARAMETERS, parse_query
from image.manager import ImageManager
from image.manager.imports import methods

#: The headers of what was just recorded.
CREATED = [
    OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True, response=[201])
    for name in ("Location", "OpenStack-image-import-methods")
]


class ImageViewSet(ServiceViewSet):
    """Images: what servers boot from."""

    manager = ImageManager

    @extend_schema(operation_id="image_images_list", parameters=PARAMETERS, responses={200: IMAGES})
    def list(self, request: Request) -> Response:
        """Return a page of images; every unknown name in the query filters a custom property."""
        query = request._request.GET
        asked = parse_query(query)
        page = ImageManager(self.context).list(
            wanted=asked.wanted, order=asked.order, marker=asked.marker, limit=asked.limit
        )
        links = links_after(request, "images", page, "id")
        return Response(list_body([*page.rows], links=links))

    @extend_schema(operation_id="image_images_get", responses={200: ImageShown})
    def retrieve(self, request: Request, image_id: str) -> Response:
        """Return one image."""
        return Response(image_body(ImageManager(self.context).get(image_id)))

    @extend_schema(
        operation_id="image_images_create",
        request=ImageCreate,
        responses={201: ImageShown},
        parameters=CREATED,
    )
    def create(self, request: Request) -> Response:
        """Record an image; its data follows by PUT .../file."""
        wanted = self.validated(ImageCreate)
        image = ImageManager(self.context).create(image_id=wanted.id, attributes=wanted.attributes)
        headers = {
            "Location": f"{base_url(request._request)}/image/v2/images/{image.id}",
            "OpenStack-image-import-methods": ",".join(methods()),
            "OpenStack-image-store-ids": ",".join(store_ids()),
        }
        return Response(image_body(image), status=201, headers=headers)

    @extend_schema(
        operation_id="image_images_update",
        request=PATCHES,
        responses={200: ImageShown, 415: Error},
    )
    def partial_update(self, request: Request, image_id: str) -> Response:
        """Apply a JSON patch as a whole."""
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        if media_type not in MEDIA_TYPES:
            raise UnsupportedMediaType(f"A patch must be sent as {' or '.join(MEDIA_TYPES)}.")
        changes = parse_patch(request.data, media_type=media_type)
        return Response(image_body(ImageManager(self.context).update(image_id, changes)))

    @extend_schema(operation_id="image_images_delete", responses={204: None})
    def destroy(self, request: Request, image_id: str) -> Response:
        """Delete an image and its data."""
        ImageManager(self.context).delete(image_id)
        return empty(204)

    @extend_schema(operation_id="image_images_deactivate", request=None, responses={204: None})
    def deactivate(self, request: Request, image_id: str) -> Response:
        """Withhold an image's data."""
        ImageManager(self.context).deactivate(image_id)
        return empty(204)

    @extend_schema(operation_id="image_images_reactivate", request=None, responses={204: None})
    def reactivate(self, request: Request, image_id: str) -> Response:
        """Give an image's data out again."""
        ImageManager(self.context).reactivate(image_id)
        return empty(204)

    @extend_schema(operation_id="image_tags_add", request=None, responses={204: None})
    def add_tag(self, request: Request, image_id: str, tag: str) -> Response:
        """Put a tag on an image."""
        ImageManager(self.context).add_tag(image_id, tag)
        return empty(204)

    @extend_schema(operation_id="image_tags_delete", responses={204: None})
    def delete_tag(self, request: Request, image_id: str, tag: str) -> Response:
        """Take a tag off an image."""
        ImageManager(self.context).delete_tag(image_id, tag)
        return empty(204)

    def handle_exception(self, exc: Exception) -> Response:
        """Say with a 415 which patches are understood."""
        response = super().handle_exception(exc)
        if response.status_code == 415:
            response.headers["Accept-Patch"] = ", ".join(MEDIA_TYPES)
        return response
