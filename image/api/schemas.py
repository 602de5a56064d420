"""/v2/schemas: the JSON schemas of what this service answers."""

from __future__ import annotations

<<<<<<< HEAD
from collections.abc import Mapping
from typing import Any

=======
>>>>>>> 8e56604 (Tasks show the operations on images; the schemas of all the image service answers)
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudweb.exceptions import NotFound
from image.api.schema_documents import SCHEMAS


class SchemaView(APIView):
    """GET /v2/schemas/{name}."""

    @extend_schema(operation_id="image_schema", responses={200: dict})
    def get(self, request: Request, name: str) -> Response:
        """Return one schema."""
        if name not in SCHEMAS:
            raise NotFound(f"There is no schema named {name[:80]}.")
        return Response(SCHEMAS[name])


class MetadefSchemaView(SchemaView):
    """GET /v2/schemas/metadefs/{name}."""

<<<<<<< HEAD

def _formats(description: str, formats: Mapping[str, str]) -> dict[str, Any]:
    listed = "; ".join(f"{name}: {what}" for name, what in formats.items())
    return _choice(f"{description}. {listed}.", tuple(formats), null=True)


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def _number(description: str, *, null: bool = False) -> dict[str, Any]:
    return {"type": ["null", "integer"] if null else "integer", "description": description}


_PROPERTIES: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "pattern": _UUID, "description": "An identifier for the image"},
    "name": _text("Descriptive name for the image", null=True),
    "status": _choice(
        "Status of the image", tuple(status for status in STATUSES if status != DELETED)
    ),
    "visibility": _choice("Who can see the image", VISIBILITIES),
    "protected": _flag("The image cannot be deleted while this is true"),
    "os_hidden": _flag("The image is left out of lists unless asked for"),
    "checksum": _text("MD5 of the image data", 32, null=True),
    "os_hash_algo": _text("Algorithm of os_hash_value", 64, null=True),
    "os_hash_value": _text("Digest of the image data by os_hash_algo", 128, null=True),
    "owner": _text("Project that owns the image", null=True),
    "size": _number("Size of the image data in bytes", null=True),
    "virtual_size": _number("Size of the disk inside in bytes", null=True),
    "container_format": _formats("Format of the container", CONTAINER_FORMATS),
    "disk_format": _formats("Format of the disk", DISK_FORMATS),
    "created_at": _text("When the image was recorded"),
    "updated_at": _text("When the record changed last"),
    "tags": {
        "type": "array",
        "items": {"type": "string", "maxLength": 255},
        "description": "Words on the image",
    },
    "min_ram": _number("RAM in MiB that a server needs"),
    "min_disk": _number("Disk in GiB that a server needs"),
    "self": _text("Path of this record"),
    "file": _text("Path of the image data"),
    "schema": _text("Path of this schema"),
}
IMAGE: dict[str, Any] = {
    "name": "image",
    "properties": {
        name: {**facts, "readOnly": True} if name in READ_ONLY else facts
        for name, facts in _PROPERTIES.items()
    },
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}
IMAGES: dict[str, Any] = {
    "name": "images",
    "properties": {
        "images": {"type": "array", "items": IMAGE},
        "first": {"type": "string"},
        "next": {"type": "string"},
        "schema": {"type": "string"},
    },
    "links": [
        {"rel": "first", "href": "{first}"},
        {"rel": "next", "href": "{next}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}


class ImageSchemaView(APIView):
    """GET /v2/schemas/image."""

    @extend_schema(operation_id="image_schema_image", responses={200: dict})
    def get(self, request: Request) -> Response:
        """Return the schema of an image."""
        return Response(IMAGE)


class ImagesSchemaView(APIView):
    """GET /v2/schemas/images."""

    @extend_schema(operation_id="image_schema_images", responses={200: dict})
    def get(self, request: Request) -> Response:
        """Return the schema of a list of images."""
        return Response(IMAGES)
=======
    @extend_schema(operation_id="image_metadef_schema", responses={200: dict})
    def get(self, request: Request, name: str) -> Response:
        """Return one schema of metadata definitions."""
        return super().get(request, name=f"metadefs/{name}")
>>>>>>> 8e56604 (Tasks show the operations on images; the schemas of all the image service answers)
