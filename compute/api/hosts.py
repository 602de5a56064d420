"""Hosts as tools older than 2.43 ask for them: since then they are hypervisors and services."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import FeatureNotSupported
from cloudweb.microversions import ALWAYS
from cloudweb.microversions.compute import STRICT, until
from compute.api.serializers import hosts as wire
from compute.manager import HostManager, ServiceManager

OLD = until(42)


class HostViewSet(ServiceViewSet):
    """List, show, enable and disable."""

    manager: ClassVar[type[HostManager]] = HostManager

    @OLD
    @extend_schema(
        operation_id="compute_hosts_list",
        parameters=parameters("zone"),
        responses={200: listing("hosts", wire.HostShown)},
    )
    def list(self, request: Request) -> Response:
        """Return all services by their hosts, or those of a zone."""
        zone = self.query({"zone": ALWAYS}, strict=STRICT).get("zone")
        found = [one for one in ServiceManager(self.context).list() if zone in (None, "", one.zone)]
        return Response({"hosts": self.shown_all(wire.HostShown, found)})

    @OLD
    @extend_schema(operation_id="compute_hosts_get", responses={200: listing("host", wire.Part)})
    def retrieve(self, request: Request, host: str) -> Response:
        """Return what a host has, what of it is used and by which projects."""
        found = self.manager(self.context).shares(host)
        return Response({"host": [{"resource": self.shown(wire.UseShown, one)} for one in found]})

    @OLD
    @extend_schema(request=wire.HostUpdate, responses={200: wire.HostAnswered})
    def update(self, request: Request, host: str) -> Response:
        """Enable or disable a host."""
        wanted, hosts = self.validated(wire.HostUpdate), self.manager(self.context)
        if wanted.maintenance_mode is not None:
            hosts.get(host)
            raise FeatureNotSupported("Virt driver does not implement host maintenance mode.")
        enabled = wanted.status == "enable"
        row = hosts.enable(host) if enabled else hosts.disable(host)
        return Response(self.shown(wire.HostAnswered, row))
