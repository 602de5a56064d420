"""Availability zones."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.views import ServiceViewSet
from compute.api.serializers import zones as wire
from compute.manager import ZoneManager


class ZoneViewSet(ServiceViewSet):
    """Zones for everyone, their hosts for admins (clients fall back on the 403)."""

    manager: ClassVar[type[ZoneManager]] = ZoneManager

    @extend_schema(responses={200: listing("availabilityZoneInfo", wire.ZoneBrief)})
    def list(self, request: Request) -> Response:
        """Return the zones servers can be put in."""
        zones = self.manager(self.context).list()
        return Response({"availabilityZoneInfo": self.shown_all(wire.ZoneBrief, zones)})

    @extend_schema(responses={200: listing("availabilityZoneInfo", wire.ZoneShown)})
    def list_detail(self, request: Request) -> Response:
        """Return all zones with their hosts."""
        zones = self.manager(self.context).detail()
        return Response({"availabilityZoneInfo": self.shown_all(wire.ZoneShown, zones)})
