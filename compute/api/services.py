"""Services: the compute agent of each host and those of the control plane."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.microversions import ALWAYS
from cloudweb.microversions.compute import STRICT, since
from compute.api.serializers import services as wire
from compute.manager import ServiceManager

QUERY = {"host": ALWAYS, "binary": ALWAYS}
PARAMETERS = parameters(versions=QUERY)


class ServiceCollection(ServiceViewSet):
    """List, change and forget services; admins alone."""

    manager: ClassVar[type[ServiceManager]] = ServiceManager

    @extend_schema(parameters=PARAMETERS, responses={200: listing("services", wire.ServiceShown)})
    def list(self, request: Request) -> Response:
        """Return all services, or those of a host or binary."""
        query = self.query(QUERY, strict=STRICT)
        found = self.manager(self.context).list(binary=query.get("binary"), host=query.get("host"))
        return Response({"services": [wire.service(info, self.version) for info in found]})

    @extend_schema(request=dict, responses={200: within("service", wire.ServiceAnswered)})
    def update(self, request: Request, service_id: str) -> Response:
        """Change a service: by a word to 2.52, by its id from 2.53."""
        if self.version in wire.NUMERIC:
            return Response({"service": self._by_word(service_id)})
        wanted = self.validated(wire.ServiceUpdate)
        if wanted.status is None and wanted.forced_down is None:
            raise BadRequest(
                "No updates were requested. Fields 'status' or 'forced_down' should be specified."
            )
        if wanted.disabled_reason is not None and wanted.status != "disabled":
            raise BadRequest("Specifying 'disabled_reason' when status is 'enabled' is invalid.")
        info = self.manager(self.context).update(
            service_id,
            enabled=None if wanted.status is None else wanted.status == "enabled",
            disabled_reason=wanted.disabled_reason,
            forced_down=wanted.forced_down,
        )
        return Response({"service": wire.service(info, self.version)})

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, service_id: str) -> Response:
        """Forget a host without servers (204)."""
        self.manager(self.context).delete(service_id, numeric=self.version in wire.NUMERIC)
        return empty(204)

    def _by_word(self, word: str) -> dict[str, Any]:
        """Do enable, disable, disable-log-reason or force-down; another word is a 404."""
        services = self.manager(self.context)
        if word == "enable":
            named = self.validated(wire.ServiceNamed)
            info = services.update_named(host=named.host, binary=named.binary, enabled=True)
            return {"host": info.host, "binary": info.binary, "status": "enabled"}
        if word == "disable":
            named = self.validated(wire.ServiceNamed)
            info = services.update_named(host=named.host, binary=named.binary, enabled=False)
            return {"host": info.host, "binary": info.binary, "status": "disabled"}
        if word == "disable-log-reason":
            disabled = self.validated(wire.ServiceDisabled)
            info = services.update_named(
                host=disabled.host,
                binary=disabled.binary,
                enabled=False,
                disabled_reason=disabled.disabled_reason,
            )
            return {
                "host": info.host,
                "binary": info.binary,
                "status": "disabled",
                "disabled_reason": info.disabled_reason,
            }
        if word == "force-down" and self.version in since(11):
            forced = self.validated(wire.ServiceForced)
            info = services.update_named(
                host=forced.host, binary=forced.binary, forced_down=forced.forced_down
            )
            return {"host": info.host, "binary": info.binary, "forced_down": info.forced_down}
        raise NotFound("Unknown action")
