"""/v2/images/{id}/file and the signed download of hosts: the bytes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudweb.api.answers import Error
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, UnsupportedMediaType
from image.api.streams import BINARY, DataResponse, RequestBody, announced_digest
from image.exceptions import ImageEmpty, RangeNotSatisfiable
from image.locations import open_signed, receive_signed
from image.manager import ImageManager

#: The answers of a download: all of it, none yet, a part.
DATA: dict[Any, Any] = {
    (200, BINARY): OpenApiTypes.BINARY,
    204: None,
    (206, BINARY): OpenApiTypes.BINARY,
    416: Error,
}


def _with_range(exc: Exception, response: Response) -> Response:
    if isinstance(exc, RangeNotSatisfiable):
        response.headers["Content-Range"] = f"bytes */{exc.size}"
    return response


class ImageDataViewSet(ServiceViewSet):
    """The data of an image, streamed both ways."""

    manager = ImageManager

    @extend_schema(
        operation_id="image_data_upload",
        request={BINARY: OpenApiTypes.BINARY},
        responses={204: None, **dict.fromkeys((410, 411, 415, 507), Error)},
    )
    def upload(self, request: Request, image_id: str) -> Response:
        """Take the data, with a Content-Length or chunked; the image is active then, queued without any."""
        if (request.content_type or "").strip().lower() != BINARY:
            raise UnsupportedMediaType(f"Image data must be sent as {BINARY}.")
        body = RequestBody(request.META)
        # The openstack command sends its standard input, which is empty in a script: no data is none.
        with suppress(ImageEmpty):
            ImageManager(self.context).upload(
                image_id,
                body,
                size=_announced(request, body),
                store_id=request.headers.get("X-Image-Meta-Store"),
            )
        return empty(204)

    @extend_schema(
        operation_id="image_data_stage",
        request={BINARY: OpenApiTypes.BINARY},
        responses={204: None},
    )
    def stage(self, request: Request, image_id: str) -> Response:
        """Take the data for an import that follows; the image is uploading then."""
        if (request.content_type or "").strip().lower() != BINARY:
            raise UnsupportedMediaType(f"Image data must be sent as {BINARY}.")
        body = RequestBody(request.META)
        ImageManager(self.context).stage(image_id, body, size=_announced(request, body))
        return empty(204)

    @extend_schema(
        operation_id="image_data_download",
        responses=DATA,
    )
    def download(self, request: Request, image_id: str) -> HttpResponseBase:
        """Return the data or a range of it; 204 while there is none."""
        image, file = ImageManager(self.context).open(
            image_id, whole="Range" not in request.headers
        )
        if file is None:
            return empty(204)
        return DataResponse(
            file, size=image.size, checksum=image.checksum, wanted=request.headers.get("Range")
        )

    def handle_exception(self, exc: Exception) -> Response:
        """Say with a 416 how much there is."""
        return _with_range(exc, super().handle_exception(exc))


class SignedDataView(APIView):
    """The data for a host, or from one: the signature in the URL is its right, no token is looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = ()

    @extend_schema(
        operation_id="image_data_signed",
        parameters=parameters("signature"),
        responses={**DATA, 403: Error},
    )
    def get(self, request: Request, image_id: UUID) -> HttpResponseBase:
        """Return the data or a range of it."""
        image, file = open_signed(
            image_id,
            request._request.GET.get("signature", ""),
            whole="Range" not in request.headers,
        )
        return DataResponse(
            file, size=image.size, checksum=image.checksum, wanted=request.headers.get("Range")
        )

    @extend_schema(
        operation_id="image_data_bring_signed",
        parameters=parameters("signature"),
        request={BINARY: OpenApiTypes.BINARY},
        responses={204: None, **dict.fromkeys((403, 409, 410, 411, 413, 507), Error)},
    )
    def put(self, request: Request, image_id: UUID) -> Response:
        """Take the data of an image that the cloud makes; the image is active then."""
        body = RequestBody(request.META)
        signature = request._request.GET.get("signature", "")
        receive_signed(
            image_id, signature, body, size=body.length, sha512=announced_digest(request.headers)
        )
        return empty(204)

    def handle_exception(self, exc: Exception) -> Response:
        """Say with a 416 how much there is."""
        return _with_range(exc, super().handle_exception(exc))


def _announced(request: Request, body: RequestBody) -> int | None:
    """Return the size a client announces by either header; raise BadRequest if they differ."""
    text = request.headers.get("X-OpenStack-Image-Size")
    if text is None:
        return body.length
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadRequest("The header x-openstack-image-size must be a natural number.")
    size = int(text)
    if body.length not in (None, size):
        raise BadRequest("The headers x-openstack-image-size and Content-Length contradict.")
    return size
