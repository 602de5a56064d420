"""Groups of servers that are to be together or apart (contract 3.3)."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import NATURAL, PRESENCE, parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions import ALWAYS
from cloudweb.microversions.compute import STRICT, since
from instances.api.serializers import server_groups as wire
from instances.manager import ServerGroupManager

MAX_OFFSET = 10**6
QUERY = {"all_projects": ALWAYS, "limit": ALWAYS, "offset": ALWAYS}


class ServerGroupViewSet(ServiceViewSet):
    """Server groups: list, show, create, delete."""

    manager = ServerGroupManager

    @extend_schema(
        parameters=parameters("limit", offset=NATURAL, all_projects=PRESENCE),
        responses={200: listing("server_groups", wire.ServerGroupShown)},
    )
    def list(self, request: Request) -> Response:
        """List groups, oldest first."""
        query = self.query(QUERY, strict=STRICT)
        found = self.manager(self.context).list(
            all_projects="all_projects" in query,
            limit=parse_limit(query.get("limit")),
            offset=parse_limit(query.get("offset"), default=0, maximum=MAX_OFFSET),
        )
        return Response({"server_groups": self.shown_all(wire.ServerGroupShown, found)})

    @extend_schema(
        request=within("server_group", wire.ServerGroupCreate),
        responses={200: within("server_group", wire.ServerGroupShown)},
    )
    def create(self, request: Request) -> Response:
        """Make a group without servers."""
        body = self.body("server_group")
        wanted = self.validated(wire.ServerGroupCreate, body)
        self.require(body, "policy" if self.version in since(64) else "policies")
        group = self.manager(self.context).create(
            name=wanted.name,
            policy=wanted.wanted_policy,
            max_server_per_host=wanted.rules.max_server_per_host if wanted.rules else None,
        )
        return Response({"server_group": self.shown(wire.ServerGroupShown, group)})

    @extend_schema(responses={200: within("server_group", wire.ServerGroupShown)})
    def retrieve(self, request: Request, group_id: str) -> Response:
        """Show a group."""
        group = self.manager(self.context).get(group_id)
        return Response({"server_group": self.shown(wire.ServerGroupShown, group)})

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, group_id: str) -> Response:
        """Remove a group; its servers stay."""
        self.manager(self.context).delete(group_id)
        return empty(204)
