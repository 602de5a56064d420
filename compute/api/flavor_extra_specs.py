"""Extra specs of a flavor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.compute import since
from compute.api.serializers.flavor_extra_specs import ExtraSpec, parse_specs
from compute.manager import FlavorExtraSpecManager

SPECS = within("extra_specs", dict[str, str])


class FlavorExtraSpecViewSet(ServiceViewSet):
    """The keys of a flavor; one alone goes without an envelope."""

    manager: ClassVar[type[FlavorExtraSpecManager]] = FlavorExtraSpecManager

    @extend_schema(responses={200: SPECS})
    def list(self, request: Request, flavor_id: str) -> Response:
        """Return all keys."""
        return Response({"extra_specs": self.manager(self.context).list(flavor_id)})

    @extend_schema(request=SPECS, responses={200: SPECS})
    def create(self, request: Request, flavor_id: str) -> Response:
        """Set several keys."""
        specs = parse_specs(self.body("extra_specs"), sense=self.version in since(86))
        self.manager(self.context).create(flavor_id, specs)
        return Response({"extra_specs": specs})

    @extend_schema(responses={200: ExtraSpec})
    def retrieve(self, request: Request, flavor_id: str, key: str) -> Response:
        """Return one key."""
        return Response({key: self.manager(self.context).get(flavor_id, key)})

    @extend_schema(request=ExtraSpec, responses={200: ExtraSpec})
    def update(self, request: Request, flavor_id: str, key: str) -> Response:
        """Set one key; the body names it again."""
        data = request.data
        if not isinstance(data, Mapping) or list(data) != [key]:
            raise BadRequest("Request body and URI mismatch")
        specs = parse_specs(data, sense=self.version in since(86))
        self.manager(self.context).update(flavor_id, key, specs[key])
        return Response(specs)

    @extend_schema(responses={200: None})
    def destroy(self, request: Request, flavor_id: str, key: str) -> Response:
        """Remove one key (200, no body)."""
        self.manager(self.context).delete(flavor_id, key)
        return empty(200)
