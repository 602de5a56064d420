"""Extra specs of a volume type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from volume.api.serializers.volume_types import ExtraSpec, parse_specs
from volume.manager import VolumeTypeExtraSpecManager

SPECS = within("extra_specs", dict[str, str])


class VolumeTypeExtraSpecViewSet(ServiceViewSet):
    """The keys of a type; one alone goes without an envelope."""

    manager: ClassVar[type[VolumeTypeExtraSpecManager]] = VolumeTypeExtraSpecManager

    @extend_schema(responses={200: SPECS})
    def list(self, request: Request, type_id: str) -> Response:
        """Return all keys that the caller sees."""
        return Response({"extra_specs": self.manager(self.context).list(type_id)})

    @extend_schema(request=SPECS, responses={200: SPECS})
    def create(self, request: Request, type_id: str) -> Response:
        """Set several keys (200)."""
        specs = parse_specs(self.body("extra_specs"))
        self.manager(self.context).create(type_id, specs)
        return Response({"extra_specs": specs})

    @extend_schema(responses={200: ExtraSpec})
    def retrieve(self, request: Request, type_id: str, key: str) -> Response:
        """Return one key."""
        return Response({key: self.manager(self.context).get(type_id, key)})

    @extend_schema(request=ExtraSpec, responses={200: ExtraSpec})
    def update(self, request: Request, type_id: str, key: str) -> Response:
        """Set one key; the body names it again."""
        data = request.data
        if not isinstance(data, Mapping) or list(data) != [key]:
            raise BadRequest("Request body and URI mismatch")
        specs = parse_specs(data)
        self.manager(self.context).update(type_id, key, specs[key])
        return Response(specs)

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, type_id: str, key: str) -> Response:
        """Remove one key (202, no body)."""
        self.manager(self.context).delete(type_id, key)
        return empty(202)
