"""Instances of all projects, for operators: /mgmt/instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.page_links import links_after
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from databases.api.instances import asked
from databases.api.serializers.actions import ConfirmOff, InstanceAction
from databases.api.serializers.managed import (
    MANAGED_BODIES,
    ManagedInstance,
    Migration,
    Rebuild,
    RootHistory,
)
from databases.manager import DatabaseInstanceManager


class ManagedInstanceViewSet(ServiceViewSet):
    """List, show, root history, actions."""

    manager: ClassVar[type[DatabaseInstanceManager]] = DatabaseInstanceManager

    @extend_schema(
        operation_id="mgmt_instances_list",
        parameters=parameters("limit", "marker"),
        responses={200: listing("instances", ManagedInstance, links=list[Link] | None)},
    )
    def list(self, request: Request) -> Response:
        """List the databases of all projects."""
        page = self.manager(self.context).list_all(asked(request))
        rows = self.shown_all(ManagedInstance, page.rows)
        return Response({"instances": rows, **links_after(request, "instances", page, "id")})

    @extend_schema(
        operation_id="mgmt_instances_get", responses={200: within("instance", ManagedInstance)}
    )
    def retrieve(self, request: Request, instance_id: str) -> Response:
        """Show one with its parts."""
        row = self.manager(self.context).get_managed(instance_id)
        return Response({"instance": self.shown(ManagedInstance, row)})

    @extend_schema(
        operation_id="mgmt_instances_root", responses={200: within("root_history", RootHistory)}
    )
    def retrieve_root(self, request: Request, instance_id: str) -> Response:
        """Show when root was let in."""
        row = self.manager(self.context).root_history(instance_id)
        return Response({"root_history": self.shown(RootHistory, row)})

    @extend_schema(
        operation_id="mgmt_instances_action", request=InstanceAction, responses={202: None}
    )
    def act(self, request: Request, instance_id: str) -> Response:
        """Stop, restart, reboot, migrate, rebuild; say that a task that hangs failed, or a source is off."""
        body = request.data
        if not isinstance(body, Mapping) or len(body) != 1:
            raise BadRequest("Malformed request body: it must hold exactly one action.")
        name, value = next(iter(body.items()))
        if name not in MANAGED_BODIES:
            raise BadRequest(f"There is no such action: {str(name)[:64]}")
        said = self.validated(MANAGED_BODIES[name], value or {})
        manager = self.manager(self.context)
        manager.get_managed(instance_id)
        if isinstance(said, Migration):
            manager.migrate(instance_id, host=said.host)
        elif isinstance(said, Rebuild):
            manager.rebuild(instance_id, image_id=said.image_id)
        elif isinstance(said, ConfirmOff):
            manager.confirm_off(instance_id, reason=said.reason, force=said.force)
        else:
            do = {
                "stop": manager.stop,
                "reboot": manager.reboot,
                "restart": manager.restart,
                "reset-task-status": manager.reset_status,
            }
            do[name](instance_id)
        return empty(202)
