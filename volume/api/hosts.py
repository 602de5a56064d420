"""Hosts of volumes, as older tools ask for them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.queries import parameters
from cloudweb.api.shown import Form, Of
from cloudweb.api.views import ServiceViewSet
from cloudweb.times import micros
from volume.manager import PoolStatManager, ServiceManager


class VolumeHostShown(Answer):
    """A service by its host."""

    host_name: Annotated[str, Of("host")]
    service: Annotated[str, Of("binary")]
    zone: str
    service_status: Annotated[
        Literal["available", "unavailable"],
        Of(lambda info: "available" if info.up else "unavailable"),
    ] = Field(alias="service-status")
    service_state: Annotated[
        Literal["enabled", "disabled"], Of(lambda info: "enabled" if info.enabled else "disabled")
    ] = Field(alias="service-state")
    last_update: Annotated[str | None, Of("seen_at"), Form(micros)] = Field(alias="last-update")


class UseShown(Answer):
    """What a project, or ``(total)``, has on a host; the numbers are texts."""

    host: str
    project: str
    volume_count: str
    total_volume_gb: str
    snapshot_count: str
    total_snapshot_gb: str


class UseWithin(Answer):
    """One project's part."""

    resource: UseShown


class VolumeHostViewSet(ServiceViewSet):
    """Hosts, for operators."""

    manager: ClassVar[type[ServiceManager]] = ServiceManager

    @extend_schema(
        operation_id="volume_hosts_list",
        parameters=parameters("service", "zone"),
        responses={200: listing("hosts", VolumeHostShown)},
    )
    def list(self, request: Request) -> Response:
        """Return all services by their hosts, or those of a binary or zone."""
        asked = request.query_params
        found = self.manager(self.context).list(binary=asked.get("service"))
        zone = asked.get("zone")
        rows = [one for one in found if zone in (None, one.zone)]
        return Response({"hosts": self.shown_all(VolumeHostShown, rows)})

    @extend_schema(operation_id="volume_hosts_get", responses={200: listing("host", UseWithin)})
    def retrieve(self, request: Request, host: str) -> Response:
        """Return what is on a host, or on one back end of it, in all and by project."""
        found = PoolStatManager(self.context).use_of(host)
        shown = [
            {
                "resource": {
                    "host": host,
                    "project": one.project_id,
                    "volume_count": str(one.volumes),
                    "total_volume_gb": str(one.volume_size),
                    "snapshot_count": str(one.snapshots),
                    "total_snapshot_gb": str(one.snapshot_size),
                }
            }
            for one in found
        ]
        return Response({"host": shown})
