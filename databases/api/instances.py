"""Instances: the tenant's databases."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.listing import Listing
from databases.api.serializers import instances as wire
from databases.manager import DatabaseInstanceManager

PAGING = ("limit", "marker", "include_clustered")
BESIDE = {"links": list[Link] | None}
SHOWN = within("instance", wire.InstanceShown)


def asked(request: Request) -> Listing:
    """Return the page that a query asks for."""
    query = request.query_params
    return Listing(limit=parse_limit(query.get("limit")), marker=query.get("marker") or None)


class DatabaseInstanceViewSet(ServiceViewSet):
    """List, show, create and delete."""

    manager: ClassVar[type[DatabaseInstanceManager]] = DatabaseInstanceManager

    @extend_schema(
        operation_id="database_instances_list",
        parameters=parameters(*PAGING),
        responses={200: listing("instances", wire.InstanceBrief, **BESIDE)},
    )
    def list(self, request: Request) -> Response:
        """List the project's databases."""
        return self._page(self.manager(self.context).list, wire.InstanceBrief)

    @extend_schema(
        operation_id="database_instances_list_detail",
        parameters=parameters(*PAGING),
        responses={200: listing("instances", wire.InstanceShown, **BESIDE)},
    )
    def list_detail(self, request: Request) -> Response:
        """List them with all that is known of each."""
        return self._page(self.manager(self.context).list, wire.InstanceShown)

    @extend_schema(operation_id="database_instances_get", responses={200: SHOWN})
    def retrieve(self, request: Request, instance_id: str) -> Response:
        """Show one."""
        return self._one(self.manager(self.context).get(instance_id))

    @extend_schema(
        operation_id="database_instances_create",
        request=within("instance", wire.InstanceCreate),
        responses={200: SHOWN},
    )
    def create(self, request: Request) -> Response:
        """Make one."""
        wanted = self.validated(wire.InstanceCreate, self.body("instance")).wanted()
        return self._one(self.manager(self.context).create(wanted))

    @extend_schema(operation_id="database_instances_delete", responses={202: None})
    def destroy(self, request: Request, instance_id: str) -> Response:
        """Remove one."""
        self.manager(self.context).delete(instance_id)
        return empty(202)

    def _one(self, row: Any) -> Response:
        return Response({"instance": self.shown(wire.InstanceShown, row)})

    def _page(self, read: Any, answer: Any) -> Response:
        page = read(asked(self.request))
        rows = self.shown_all(answer, page.rows)
        return Response({"instances": rows, **links_after(self.request, "instances", page, "id")})
