"""The action log of a server (os-instance-actions)."""

from __future__ import annotations

import hashlib
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.microversion import older, without
from cloudweb.api.pagination import next_link, parse_limit
from cloudweb.api.views import ServiceViewSet
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since, until
from cloudweb.times import micros, parse_moment
from instances.api.filters import check_span
from instances.manager import InstanceManager
from instances.timeline import ServerAction, TimelineManager, result_of
from operations.history import StepEntry

QUERY = ("limit", "marker", "changes-since", "changes-before")
ACTION_CHANGES = ((Microversion(2, 58), without("updated_at")),)


class InstanceActionViewSet(ServiceViewSet):
    """What was done to a server, by whom, and how it went."""

    manager = TimelineManager

    def _check_visible(self, server_id: str) -> None:
        """Until 2.20 the log of a deleted server cannot be read."""
        if self.version in until(20):
            InstanceManager(self.context).get(server_id)

    @extend_schema(responses={200: dict})
    def list(self, request: Request, server_id: str) -> Response:
        """List what was done, newest first."""
        self._check_visible(server_id)
        manager = self.manager(self.context)
        if self.version in until(57):
            found = manager.list(server_id)
            return Response({"instanceActions": [self._brief(server_id, one) for one in found]})
        self.known_query(*(QUERY if self.version in since(66) else QUERY[:-1]), strict=since(58))
        query = request.query_params
        begin, end = (
            parse_moment(query[key], field=key) if key in query else None for key in QUERY[2:]
        )
        check_span(begin, end)
        limit = parse_limit(query.get("limit"))
        found = manager.list(
            server_id, limit=limit + 1, marker=query.get("marker"), since=begin, before=end
        )
        shown = found[:limit]
        body: dict[str, Any] = {"instanceActions": [self._brief(server_id, one) for one in shown]}
        if shown and len(found) > len(shown):
            href = next_link(request._request, marker=shown[-1].entry.request_id)
            body["links"] = [{"rel": "next", "href": href}]
        return Response(body)

    @extend_schema(responses={200: dict})
    def retrieve(self, request: Request, server_id: str, request_id: str) -> Response:
        """Show what one request did, step by step."""
        self._check_visible(server_id)
        one = self.manager(self.context).get(server_id, request_id)
        data = self._brief(server_id, one)
        # Nova shows them to operators alone below 2.51, and the openstack command breaks on that.
        data["events"] = [self._event(step, one) for step in reversed(one.entry.steps)]
        return Response({"instanceAction": data})

    def _brief(self, server_id: str, one: ServerAction) -> dict[str, Any]:
        data = {
            "action": one.name,
            "instance_uuid": server_id,
            "message": "Error" if one.entry.failed else None,
            "project_id": one.entry.project_id,
            "request_id": one.entry.request_id,
            "start_time": micros(one.entry.created_at),
            "updated_at": micros(one.entry.updated_at),
            "user_id": one.entry.user_id,
        }
        return older(data, self.version, ACTION_CHANGES)

    def _event(self, step: StepEntry, one: ServerAction) -> dict[str, Any]:
        """Show a step; hosts by name to admins, by a hash to tenants from 2.62 on."""
        undo = "undo_" if step.direction == "undo" else ""
        data: dict[str, Any] = {
            "event": f"{undo}{step.name}",
            "start_time": micros(step.started_at),
            "finish_time": micros(step.ended_at),
            "result": result_of(step.state, failed=bool(step.error)),
        }
        if self.context.is_admin:
            data["traceback"] = step.error_detail or None
        if self.version in since(62):
            if self.context.is_admin:
                data["host"] = step.host  # clients want a text, also where no host had a part
            salted = f"{one.entry.project_id}{step.host}".encode()
            data["hostId"] = hashlib.sha224(salted).hexdigest() if step.host else ""
        if self.version in since(84):
            data["details"] = step.error or None
        return data
