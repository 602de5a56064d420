"""What a server is inside: diagnostics, topology, and the password that its guest made."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions.compute import since
from instances.api.serializers.insides import (
    Diagnostics,
    PostedPassword,
    Topology,
    diagnostics_of,
    older_diagnostics_of,
    topology_of,
)
from instances.manager import InstanceManager

#: Where diagnostics are the same on every hypervisor.
SAME_EVERYWHERE = since(48)


class ServerInsideViewSet(ServiceViewSet):
    """What a server is inside."""

    manager = InstanceManager

    @extend_schema(responses={200: Diagnostics})
    def diagnostics(self, request: Request, server_id: str) -> Response:
        """Tell what the guest uses; up to 2.47 in the hypervisor's own words."""
        instance, used = self.manager(self.context).diagnostics(server_id)
        if self.version in SAME_EVERYWHERE:
            return Response(diagnostics_of(instance, used))
        return Response(older_diagnostics_of(used))

    @extend_schema(responses={200: Topology})
    @since(78)
    def topology(self, request: Request, server_id: str) -> Response:
        """Tell the NUMA nodes of a server, none where none were asked for; operators where on its host."""
        cells, on_host = self.manager(self.context).topology(server_id)
        return Response(topology_of(cells, on_host=on_host))

    @extend_schema(responses={200: PostedPassword})
    def password(self, request: Request, server_id: str) -> Response:
        """Tell the password that the guest made, encrypted by its user's key."""
        return Response({"password": self.manager(self.context).posted_password(server_id)})

    @extend_schema(responses={204: None})
    def forget_password(self, request: Request, server_id: str) -> Response:
        """Forget it."""
        self.manager(self.context).forget_posted_password(server_id)
        return empty(204)
