"""/service-providers: what serves routers."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.shown import shown
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest
from network.api.resource import CONTROLS
from network.manager import ServiceProviderManager


class ServiceProviderShown(Answer):
    """A provider of a service."""

    service_type: str
    name: str
    default: bool


class ServiceProviderViewSet(ServiceViewSet):
    """The providers."""

    @extend_schema(
        operation_id="network_service_providers_list",
        responses={200: listing("service_providers", ServiceProviderShown)},
    )
    def list(self, request: Request) -> Response:
        """Return the providers that fit the filters."""
        found = shown(ServiceProviderShown, ServiceProviderManager(self.context).list(), self.scene)
        for name, values in request.query_params.lists():
            if name in CONTROLS:
                continue
            if name not in ServiceProviderShown.model_fields:
                raise BadRequest(f"[{name!r}] is invalid attribute for filtering.")
            said = {str(value).lower() for value in values}
            found = [one for one in found if str(one[name]).lower() in said]
        return Response({"service_providers": found})
