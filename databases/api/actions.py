"""What can be done to an instance: POST …/action; and the settings it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from databases.api.serializers import actions as wire
from databases.manager import DatabaseInstanceManager


class InstanceActionViewSet(ServiceViewSet):
    """The actions, each a method that is named after its key."""

    manager: ClassVar[type[DatabaseInstanceManager]] = DatabaseInstanceManager

    @extend_schema(
        operation_id="database_instances_action",
        request=wire.InstanceAction,
        responses={202: None},
    )
    def act(self, request: Request, instance_id: str) -> Response:
        """Do the one thing the body names."""
        body = request.data
        if not isinstance(body, Mapping) or len(body) != 1:
            raise BadRequest("Malformed request body: it must hold exactly one action.")
        name, value = next(iter(body.items()))
        if name not in wire.BODIES:
            raise BadRequest(f"There is no such action: {str(name)[:64]}")
        said = self.validated(wire.BODIES[name], value or {})
        do: Callable[[str, Any], None] = getattr(self, f"_{name}")
        do(instance_id, said)
        return empty(202)

    def _restart(self, instance_id: str, _: wire.Nothing) -> None:
        self.manager(self.context).restart(instance_id)

    def _resize(self, instance_id: str, said: wire.Resize) -> None:
        if (said.flavorRef is None) == (said.volume is None):
            raise BadRequest("One of 'flavorRef' and 'volume' is needed.")
        if said.flavorRef is not None:
            self.manager(self.context).resize(instance_id, flavor_id=said.flavorRef)
        elif said.volume is not None:
            self.manager(self.context).resize_volume(instance_id, size=said.volume.size)

    def _reset_status(self, instance_id: str, said: wire.ResetStatus) -> None:
        manager = self.manager(self.context)
        manager.reset_status(instance_id)
        if said.force_delete:
            manager.delete(instance_id)

    def _promote_to_replica_source(self, instance_id: str, _: wire.Nothing) -> None:
        self.manager(self.context).promote(instance_id)

    def _eject_replica_source(self, instance_id: str, _: wire.Nothing) -> None:
        self.manager(self.context).eject(instance_id)

    @extend_schema(
        operation_id="database_instances_configuration",
        responses={200: within("instance", wire.DefaultsShown)},
    )
    def retrieve_configuration(self, request: Request, instance_id: str) -> Response:
        """Show what an instance has where its configuration says nothing."""
        values = self.manager(self.context).defaults(instance_id)
        return Response({"instance": {"configuration": values}})

    @extend_schema(
        operation_id="database_instances_ssl", responses={200: within("ssl", wire.TlsShown)}
    )
    def retrieve_ssl(self, request: Request, instance_id: str) -> Response:
        """Show whether its clients can come by TLS, and who signed what they are shown."""
        found = self.manager(self.context).tls(instance_id)
        return Response({"ssl": self.shown(wire.TlsShown, found)})
