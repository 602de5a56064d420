"""/v2/schemas: the JSON schemas of what this service answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cloudweb.api.answers import OpenAnswer
from cloudweb.exceptions import NotFound
from image.api.schema_documents import SCHEMAS


class SchemaShown(OpenAnswer):
    """A JSON schema with its name."""

    name: str
    properties: dict[str, Any]


class SchemaView(APIView):
    """GET /v2/schemas/{name}."""

    @extend_schema(operation_id="image_schema", responses={200: SchemaShown})
    def get(self, request: Request, name: str) -> Response:
        """Return one schema."""
        if name not in SCHEMAS:
            raise NotFound(f"There is no schema named {name[:80]}.")
        return Response(SCHEMAS[name])


class MetadefSchemaView(SchemaView):
    """GET /v2/schemas/metadefs/{name}."""

    @extend_schema(operation_id="image_metadef_schema", responses={200: SchemaShown})
    def get(self, request: Request, name: str) -> Response:
        """Return one schema of metadata definitions."""
        return super().get(request, name=f"metadefs/{name}")
