"""Configurations: groups of settings."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.page_links import links_after
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from databases.api.instances import asked
from databases.api.serializers import configurations as wire
from databases.manager import ConfigurationManager

SHOWN = within("configuration", wire.ConfigurationShown)
BODY = within("configuration", wire.ConfigurationUpdate)


class ConfigurationViewSet(ServiceViewSet):
    """List, make, show, change, forget."""

    manager: ClassVar[type[ConfigurationManager]] = ConfigurationManager

    @extend_schema(
        operation_id="configurations_list",
        parameters=parameters("limit", "marker"),
        responses={
            200: listing("configurations", wire.ConfigurationBrief, links=list[Link] | None)
        },
    )
    def list(self, request: Request) -> Response:
        """List the project's."""
        page = self.manager(self.context).list(asked(request))
        rows = self.shown_all(wire.ConfigurationBrief, page.rows)
        links = links_after(request, "configurations", page, "id")
        return Response({"configurations": rows, **links})

    @extend_schema(operation_id="configurations_get", responses={200: SHOWN})
    def retrieve(self, request: Request, configuration_id: str) -> Response:
        """Show one."""
        row = self.manager(self.context).get(configuration_id)
        return Response({"configuration": self.shown(wire.ConfigurationShown, row)})

    @extend_schema(
        operation_id="configurations_create",
        request=within("configuration", wire.ConfigurationCreate),
        responses={200: SHOWN},
    )
    def create(self, request: Request) -> Response:
        """Make one."""
        said = self.validated(wire.ConfigurationCreate, self.body("configuration"))
        of = said.datastore
        row = self.manager(self.context).create(
            name=said.name,
            description=said.description or "",
            values=said.values,
            datastore=of.type if of else None,
            version=of.version if of else None,
        )
        return Response({"configuration": self.shown(wire.ConfigurationShown, row)})

    @extend_schema(operation_id="configurations_patch", request=BODY, responses={200: None})
    def partial_update(self, request: Request, configuration_id: str) -> Response:
        """Change some settings."""
        self._change(configuration_id, replace=False)
        return empty(200)

    @extend_schema(operation_id="configurations_update", request=BODY, responses={202: None})
    def update(self, request: Request, configuration_id: str) -> Response:
        """Replace all settings."""
        self._change(configuration_id, replace=True)
        return empty(202)

    def _change(self, configuration_id: str, *, replace: bool) -> None:
        said = self.validated(wire.ConfigurationUpdate, self.body("configuration")).said()
        self.manager(self.context).update(configuration_id, replace=replace, **said)

    @extend_schema(operation_id="configurations_delete", responses={202: None})
    def destroy(self, request: Request, configuration_id: str) -> Response:
        """Forget one."""
        self.manager(self.context).delete(configuration_id)
        return empty(202)

    @extend_schema(
        operation_id="configurations_instances",
        responses={200: listing("instances", wire.InstanceNamed)},
    )
    def list_instances(self, request: Request, configuration_id: str) -> Response:
        """List the instances that have it."""
        rows = self.manager(self.context).instances(configuration_id)
        return Response({"instances": self.shown_all(wire.InstanceNamed, rows)})
