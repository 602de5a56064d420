"""/path-traces: why one thing cannot reach another; an extension of this cloud's own."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.shown import shown
from cloudweb.api.views import ServiceViewSet
from network.api.serializers.path_traces import HopShown, PathTraceCreate, PathTraceShown
from network.manager import PathTraceManager


class PathTraceViewSet(ServiceViewSet):
    """Path traces."""

    @extend_schema(
        operation_id="network_path_traces_create",
        request=within("path_trace", PathTraceCreate),
        responses={200: within("path_trace", PathTraceShown)},
    )
    def create(self, request: Request) -> Response:
        """Follow a packet as far as it gets; nothing is stored."""
        wanted = self.validated(PathTraceCreate, self.body("path_trace"))
        trace = PathTraceManager(self.context).create(**wanted.said())
        packet = trace.packet
        found = {
            "verdict": trace.verdict,
            "stopped_at": trace.stopped_at,
            "source_address": packet.source,
            "destination_address": packet.destination,
            "protocol": packet.protocol,
            "port": packet.port,
            "hops": shown(HopShown, trace.hops, self.scene),
        }
        return Response({"path_trace": found})
