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
from cloudweb.exceptions import BadRequest
from cloudweb.listing import Listing
from databases.api.serializers import instances as wire
from databases.api.serializers.actions import InstanceUpdate
from databases.manager import DatabaseInstanceManager

PAGING = ("limit", "marker", "include_clustered")
BESIDE = {"links": list[Link] | None}
SHOWN = within("instance", wire.InstanceShown)
UPDATE = within("instance", InstanceUpdate)


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

    @extend_schema(operation_id="database_instances_update", request=UPDATE, responses={202: None})
    def update(self, request: Request, instance_id: str) -> Response:
        """Attach or detach a configuration, upgrade, rename, say who may come or take over; an empty body detaches."""
        self._change(instance_id, empty_detaches=True)
        return empty(202)

    @extend_schema(operation_id="database_instances_patch", request=UPDATE, responses={202: None})
    def partial_update(self, request: Request, instance_id: str) -> Response:
        """Do the same; an empty body changes nothing."""
        self._change(instance_id, empty_detaches=False)
        return empty(202)

    def _change(self, instance_id: str, *, empty_detaches: bool) -> None:
        said = self.validated(InstanceUpdate, self.body("instance"))
        things = said.model_fields_set - {"name"}
        if len(things) > 1:
            raise BadRequest("One thing of an instance is changed at a time, besides its name.")
        manager = self.manager(self.context)
        if "configuration" in things or (empty_detaches and not said.model_fields_set):
            manager.configure(instance_id, said.configuration)
        elif said.datastore_version is not None:
            manager.upgrade(instance_id, version=said.datastore_version)
        elif said.access is not None:
            manager.set_access(
                instance_id,
                is_public=said.access.is_public,
                allowed_cidrs=said.access.allowed_cidrs,
                require_tls=said.access.require_tls,
            )
        elif said.failover is not None:
            after = said.failover.after if said.failover.automatic else None
            manager.set_failover(instance_id, after=after)
        elif {"replica_of", "slave_of"} & things:
            if said.replica_of is not None or said.slave_of is not None:
                raise BadRequest("An instance can be detached from its source alone.")
            manager.detach_replica(instance_id)
        if said.name is not None:
            manager.rename(instance_id, name=said.name)

    def _one(self, row: Any) -> Response:
        return Response({"instance": self.shown(wire.InstanceShown, row)})

    def _page(self, read: Any, answer: Any) -> Response:
        page = read(asked(self.request))
        rows = self.shown_all(answer, page.rows)
        return Response({"instances": rows, **links_after(self.request, "instances", page, "id")})
