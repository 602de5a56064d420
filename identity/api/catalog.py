"""/services, /endpoints, /regions."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.catalog import endpoint_body, region_body, service_body
from identity.api.views import IdentityViewSet
from identity.manager import CatalogManager

SERVICES = Hints(exact=("type", "name"))
ENDPOINTS = Hints(exact=("service_id", "interface", "region_id"))
REGIONS = Hints(others=("parent_region_id",))


class CatalogServiceViewSet(IdentityViewSet):
    """The APIs of the cloud."""

    manager = CatalogManager

    @extend_schema(
        operation_id="identity_services_list", parameters=SERVICES.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return the services; hints type and name."""
        http = request._request
        rows = hinted(http, CatalogManager(self.context).list_services(), SERVICES)
        return listed(http, "services", rows, service_body)

    @extend_schema(operation_id="identity_services_get", responses={200: dict})
    def retrieve(self, request: Request, service_id: str) -> Response:
        """Return one service."""
        service = CatalogManager(self.context).get_service(service_id)
        return Response({"service": service_body(request._request, service)})


class EndpointViewSet(IdentityViewSet):
    """Where services answer."""

    manager = CatalogManager

    @extend_schema(
        operation_id="identity_endpoints_list",
        parameters=ENDPOINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the endpoints; hints service_id, interface, region_id."""
        http = request._request
        rows = CatalogManager(self.context).list_endpoints()
        rows = hinted(http, rows, ENDPOINTS)
        return listed(http, "endpoints", rows, endpoint_body)

    @extend_schema(operation_id="identity_endpoints_get", responses={200: dict})
    def retrieve(self, request: Request, endpoint_id: str) -> Response:
        """Return one endpoint."""
        endpoint = CatalogManager(self.context).get_endpoint(endpoint_id)
        return Response({"endpoint": endpoint_body(request._request, endpoint)})


class RegionViewSet(IdentityViewSet):
    """Places."""

    manager = CatalogManager

    @extend_schema(
        operation_id="identity_regions_list", parameters=REGIONS.parameters, responses={200: dict}
    )
    def list(self, request: Request) -> Response:
        """Return the regions; none lies in another."""
        http = request._request
        rows = CatalogManager(self.context).list_regions()
        if http.GET.get("parent_region_id"):
            rows = rows.none()
        return listed(http, "regions", rows, region_body)

    @extend_schema(operation_id="identity_regions_get", responses={200: dict})
    def retrieve(self, request: Request, region_id: str) -> Response:
        """Return one region."""
        region = CatalogManager(self.context).get_region(region_id)
        return Response({"region": region_body(request._request, region)})
