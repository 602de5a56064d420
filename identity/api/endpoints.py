"""/endpoints."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.catalog import EndpointCreate, EndpointUpdate, endpoint_body
from identity.api.views import IdentityViewSet, described, given
from identity.manager import CatalogManager
from identity.models import Endpoint

HINTS = Hints(exact=("service_id", "interface", "region_id"))


class EndpointViewSet(IdentityViewSet):
    """Where services answer."""

    manager = CatalogManager

    @extend_schema(
        operation_id="identity_endpoints_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the endpoints; hints service_id, interface, region_id."""
        http = request._request
        rows = CatalogManager(self.context).list_endpoints()
        rows = hinted(http, rows, HINTS)
        return listed(http, "endpoints", rows, endpoint_body)

    @extend_schema(
        operation_id="identity_endpoints_create", request=EndpointCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Record where a service answers."""
        body = self.wanted("endpoint", EndpointCreate)
        endpoint = CatalogManager(self.context).create_endpoint(
            service_id=body.service_id,
            region_id=body.region_id,
            region_name=body.region,
            interface=body.interface,
            url=body.url,
            name=body.name or "",
            description=body.description or "",
            enabled=body.enabled,
        )
        return self._answer(endpoint, status=201)

    @extend_schema(operation_id="identity_endpoints_get", responses={200: dict})
    def retrieve(self, request: Request, endpoint_id: str) -> Response:
        """Return one endpoint."""
        return self._answer(CatalogManager(self.context).get_endpoint(endpoint_id))

    @extend_schema(
        operation_id="identity_endpoints_update", request=EndpointUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, endpoint_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("endpoint", EndpointUpdate)
        changes: dict[str, Any] = given(body, "service_id", "interface", "url", "enabled")
        changes |= given(body, "region_id") | described(body)
        if "name" in body.model_fields_set:
            changes["name"] = body.name or ""
        if body.region is not None:
            changes.setdefault("region_name", body.region)
        return self._answer(CatalogManager(self.context).update_endpoint(endpoint_id, **changes))

    @extend_schema(operation_id="identity_endpoints_delete", responses={204: None})
    def destroy(self, request: Request, endpoint_id: str) -> Response:
        """Remove an endpoint."""
        CatalogManager(self.context).delete_endpoint(endpoint_id)
        return empty(204)

    def _answer(self, endpoint: Endpoint, *, status: int = 200) -> Response:
        return Response({"endpoint": endpoint_body(self.request._request, endpoint)}, status=status)
