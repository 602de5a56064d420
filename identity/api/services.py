"""/services."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.catalog import (
    ServiceCreate,
    ServiceUpdate,
    extra_of,
    service_body,
)
from identity.api.views import IdentityViewSet, described, given
from identity.manager import CatalogManager
from identity.models import Service

HINTS = Hints(exact=("type", "name"))


class CatalogServiceViewSet(IdentityViewSet):
    """The APIs of the cloud."""

    manager = CatalogManager

    @extend_schema(
        operation_id="identity_services_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the services; hints type and name."""
        http = request._request
        rows = hinted(http, CatalogManager(self.context).list_services(), HINTS)
        return listed(http, "services", rows, service_body)

    @extend_schema(
        operation_id="identity_services_create", request=ServiceCreate, responses={201: dict}
    )
    def create(self, request: Request) -> Response:
        """Record a service."""
        body = self.wanted("service", ServiceCreate)
        service = CatalogManager(self.context).create_service(
            type=body.type,
            name=body.name or "",
            description=body.description or "",
            enabled=body.enabled,
            extra=extra_of(body),
        )
        return self._answer(service, status=201)

    @extend_schema(operation_id="identity_services_get", responses={200: dict})
    def retrieve(self, request: Request, service_id: str) -> Response:
        """Return one service."""
        return self._answer(CatalogManager(self.context).get_service(service_id))

    @extend_schema(
        operation_id="identity_services_update", request=ServiceUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, service_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("service", ServiceUpdate)
        changes: dict[str, Any] = given(body, "type", "enabled") | described(body)
        if "name" in body.model_fields_set:
            changes["name"] = body.name or ""
        if extra := extra_of(body):
            changes["extra"] = extra
        return self._answer(CatalogManager(self.context).update_service(service_id, **changes))

    @extend_schema(operation_id="identity_services_delete", responses={204: None})
    def destroy(self, request: Request, service_id: str) -> Response:
        """Remove a service with its endpoints."""
        CatalogManager(self.context).delete_service(service_id)
        return empty(204)

    def _answer(self, service: Service, *, status: int = 200) -> Response:
        return Response({"service": service_body(self.request._request, service)}, status=status)
