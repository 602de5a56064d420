"""/v2/images/{id}/import and /v2/info/import: how data comes in without a PUT of it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel, ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer
from cloudweb.api.views import ServiceViewSet, empty
from image.manager.imports import ImageImportManager, methods


class Method(BaseModel):
    """How, and for a download from where."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(max_length=80)
    uri: str | None = Field(default=None, max_length=4096)


class ImageImport(BaseModel):
    """POST /images/{id}/import."""

    model_config = ConfigDict(frozen=True)

    method: Method
    stores: list[str] | None = Field(default=None, max_length=100)
    all_stores: bool = False
    all_stores_must_succeed: bool = True


class ImageImportViewSet(ServiceViewSet):
    """Imports."""

    manager = ImageImportManager

    @extend_schema(operation_id="image_images_import", request=ImageImport, responses={202: None})
    def start(self, request: Request, image_id: str) -> Response:
        """Begin an import; the image's status tells how it goes."""
        wanted = self.validated(ImageImport)
        header = request.headers.get("X-Image-Meta-Store")
        ImageImportManager(self.context).start(
            image_id,
            method=wanted.method.name,
            uri=wanted.method.uri,
            stores=wanted.stores or ([header] if header and not wanted.all_stores else None),
            all_stores=wanted.all_stores,
            all_stores_must_succeed=wanted.all_stores_must_succeed,
        )
        return empty(202)


class ImportMethods(Answer):
    """The ways to import an image."""

    description: str
    type: Literal["array"]
    value: list[str]


def import_methods() -> Mapping[str, Any]:
    """Return what GET /v2/info/import answers."""
    facts = {"description": "Import methods available.", "type": "array", "value": methods()}
    return {"import-methods": facts}
