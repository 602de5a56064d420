"""/availability_zones: what networks may ask for."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.views import ServiceViewSet
from network.manager import ZoneManager


class ZoneShown(Answer):
    """A place that networks may ask for."""

    name: str
    resource: str
    state: str


class AvailabilityZoneViewSet(ServiceViewSet):
    """Availability zones."""

    @extend_schema(
        operation_id="network_availability_zones_list",
        responses={200: listing("availability_zones", ZoneShown)},
    )
    def list(self, request: Request) -> Response:
        """Return the zones; filters name, resource, state."""
        zones = [
            {"name": name, "resource": "network", "state": "available"}
            for name in ZoneManager(self.context).list()
        ]
        for key in ("name", "resource", "state"):
            wanted = request.query_params.getlist(key)
            zones = [zone for zone in zones if not wanted or zone[key] in wanted]
        return Response({"availability_zones": zones})
