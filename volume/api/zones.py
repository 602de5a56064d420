"""Availability zones of volumes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.shown import Of
from cloudweb.api.views import ServiceViewSet
from volume.manager import ZoneManager


class VolumeZoneState(Answer):
    """Whether volumes can be put there."""

    available: bool


class VolumeZoneShown(Answer):
    """A zone; which hosts are in it is not told."""

    zone_name: Annotated[str, Of("name")] = Field(alias="zoneName")
    zone_state: Annotated[VolumeZoneState, Of(lambda zone: {"available": zone.available})] = Field(
        alias="zoneState"
    )


class ZoneViewSet(ServiceViewSet):
    """Zones, for everyone."""

    manager: ClassVar[type[ZoneManager]] = ZoneManager

    @extend_schema(
        operation_id="volume_availability_zones",
        responses={200: listing("availabilityZoneInfo", VolumeZoneShown)},
    )
    def list(self, request: Request) -> Response:
        """Return the zones that volumes can be put in."""
        zones = self.manager(self.context).list()
        return Response({"availabilityZoneInfo": self.shown_all(VolumeZoneShown, zones)})
