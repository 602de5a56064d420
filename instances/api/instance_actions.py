"""The action log of a server (os-instance-actions)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.pagination import next_link, parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet
from cloudweb.microversions.compute import since, until
from cloudweb.times import parse_moment
from instances.api.filters import check_span
from instances.api.serializers import instance_actions as wire
from instances.manager import InstanceManager
from instances.timeline import TimelineManager

QUERY = {
    "limit": wire.PAGED,
    "marker": wire.PAGED,
    "changes-since": wire.PAGED,
    "changes-before": since(66),
}


class InstanceActionViewSet(ServiceViewSet):
    """What was done to a server, by whom, and how it went."""

    manager = TimelineManager

    def _check_visible(self, server_id: str) -> None:
        """Until 2.20 the log of a deleted server cannot be read."""
        if self.version in until(20):
            InstanceManager(self.context).get(server_id)

    @extend_schema(parameters=parameters(versions=QUERY), responses={200: wire.ActionPage})
    def list(self, request: Request, server_id: str) -> Response:
        """List what was done, newest first."""
        self._check_visible(server_id)
        query = self.query(QUERY, strict=wire.PAGED)
        begin, end = (
            parse_moment(said, field=key) if (said := query.get(key)) is not None else None
            for key in ("changes-since", "changes-before")
        )
        check_span(begin, end)
        found = self.manager(self.context).list(
            server_id,
            limit=parse_limit(query.get("limit")) if self.version in wire.PAGED else None,
            marker=query.get("marker"),
            since=begin,
            before=end,
        )
        rows = self.shown_all(wire.ActionBrief, found.rows)
        links = {}
        if found.more and found.rows:
            href = next_link(request._request, marker=found.rows[-1].entry.request_id)
            links = {"links": [{"rel": "next", "href": href}]}
        return Response({"instanceActions": rows, **links})

    @extend_schema(responses={200: within("instanceAction", wire.ActionShown)})
    def retrieve(self, request: Request, server_id: str, request_id: str) -> Response:
        """Show what one request did, step by step."""
        self._check_visible(server_id)
        one = self.manager(self.context).get(server_id, request_id)
        return Response({"instanceAction": self.shown(wire.ActionShown, one)})
