"""Services: the compute agent of each host and those of the control plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.fields import Body
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.microversions import ALWAYS, Versions
from cloudweb.microversions.compute import STRICT, since
from compute.api.serializers import services as wire
from compute.manager import ServiceManager

QUERY = {"host": ALWAYS, "binary": ALWAYS}
PARAMETERS = parameters(versions=QUERY)


class Word(NamedTuple):
    """What a change by a word says in its body, and what it changes besides."""

    body: type[Body]
    changes: Mapping[str, Any] = {}
    versions: Versions = ALWAYS


WORDS = {
    "enable": Word(wire.ServiceNamed, {"enabled": True}),
    "disable": Word(wire.ServiceNamed, {"enabled": False}),
    "disable-log-reason": Word(wire.ServiceDisabled, {"enabled": False}),
    "force-down": Word(wire.ServiceForced, versions=since(11)),
}


class ServiceCollection(ServiceViewSet):
    """List, change and forget services; admins alone."""

    manager: ClassVar[type[ServiceManager]] = ServiceManager

    @extend_schema(parameters=PARAMETERS, responses={200: listing("services", wire.ServiceShown)})
    def list(self, request: Request) -> Response:
        """Return all services, or those of a host or binary."""
        query = self.query(QUERY, strict=STRICT)
        found = self.manager(self.context).list(binary=query.get("binary"), host=query.get("host"))
        return Response({"services": self.shown_all(wire.ServiceShown, found)})

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
        return Response({"service": self.shown(wire.ServiceShown, info)})

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, service_id: str) -> Response:
        """Forget a host without servers (204)."""
        self.manager(self.context).delete(service_id, numeric=self.version in wire.NUMERIC)
        return empty(204)

    def _by_word(self, word: str) -> dict[str, Any]:
        """Do what the word says, and return what it changed; another word is a 404."""
        if word not in WORDS or self.version not in WORDS[word].versions:
            raise NotFound("Unknown action")
        said = self.validated(WORDS[word].body).model_dump()
        changes = WORDS[word].changes
        info = self.manager(self.context).update_named(**said, **changes)
        told = {"host": info.host, "binary": info.binary}
        if "enabled" in changes:
            told["status"] = wire.status_of(info)
        return told | {key: getattr(info, key) for key in said if key not in told}
