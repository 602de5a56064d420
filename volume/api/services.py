"""Services: each back end of each host, and the control plane's; changed by words (contract 5.3)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from drf_spectacular.utils import extend_schema
from pydantic import AliasChoices, Field, StringConstraints
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, OpenAnswer, listing
from cloudweb.api.fields import Body, Name
from cloudweb.api.queries import parameters
from cloudweb.api.shown import Form, Of, Only
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import NotFound
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.manager import ServiceManager
from volume.manager.service import BINARIES, ServiceInfo

VOLUME_BINARY = BINARIES["volume"]
Reason = Annotated[Name, StringConstraints(strip_whitespace=False)]


class ServiceNamed(Body):
    """PUT /os-services/enable, /disable, /freeze and /thaw; older clients say ``service``."""

    host: Name
    binary: Name = Field(default=VOLUME_BINARY, validation_alias=AliasChoices("binary", "service"))
    cluster: None = None


class ServiceDisabled(ServiceNamed):
    """PUT /os-services/disable-log-reason."""

    disabled_reason: Reason


class FailOver(Body):
    """PUT /os-services/failover_host and /failover."""

    host: Name
    backend_id: str | None = None
    cluster: None = None


def _is_backend(info: ServiceInfo) -> bool:
    return info.is_backend


class VolumeServiceShown(Answer):
    """A service; what is said of back ends alone is left out of others."""

    binary: str
    host: str
    zone: str
    status: Annotated[
        Literal["enabled", "disabled"], Of(lambda info: "enabled" if info.enabled else "disabled")
    ]
    state: Annotated[Literal["up", "down"], Of(lambda info: "up" if info.up else "down")]
    updated_at: Annotated[str | None, Of("seen_at"), Form(micros)]
    disabled_reason: Annotated[str | None, Form(lambda text: text or None)]
    replication_status: Annotated[str | None, Of(lambda _: "disabled"), Only(_is_backend)] = None
    active_backend_id: Annotated[None, Of(lambda _: None), Only(_is_backend)] = None
    frozen: Annotated[bool | None, Only(_is_backend)] = None
    cluster: Annotated[None, Of(lambda _: None), since(7)]
    backend_state: Annotated[
        str | None,
        since(49),
        Of(lambda info: "up" if info.sound and info.up else "down"),
        Only(_is_backend),
    ] = None


class VolumeServiceChanged(OpenAnswer):
    """What a change by a word answers."""

    host: str
    service: str
    binary: str
    disabled: bool
    status: Literal["enabled", "disabled"]


class VolumeServiceViewSet(ServiceViewSet):
    """List and change services; admins alone."""

    manager: ClassVar[type[ServiceManager]] = ServiceManager

    @extend_schema(
        operation_id="volume_services_list",
        parameters=parameters("host", "binary"),
        responses={200: listing("services", VolumeServiceShown)},
    )
    def list(self, request: Request) -> Response:
        """Return all services, or those of a host or binary."""
        asked = request.query_params
        found = self.manager(self.context).list(
            binary=asked.get("binary") or asked.get("service"), host=asked.get("host")
        )
        return Response({"services": self.shown_all(VolumeServiceShown, found)})

    @extend_schema(
        operation_id="volume_services_update",
        request=dict,
        responses={200: VolumeServiceChanged, 202: None},
    )
    def update(self, request: Request, word: str) -> Response:
        """Do what the word says; another word is a 404."""
        act = {
            "enable": self._enable,
            "disable": self._disable,
            "disable-log-reason": self._disable,
            "freeze": self._freeze,
            "thaw": self._freeze,
            "failover_host": self._fail_over,
        }.get(word)
        if word == "failover" and self.version in since(26):
            act = self._fail_over
        if act is None:
            raise NotFound("Unknown action")
        return act(word)

    def _enable(self, _word: str) -> Response:
        said = self.validated(ServiceNamed)
        info = self.manager(self.context).enable(said.host, binary=said.binary)
        return Response(_changed(info))

    def _disable(self, word: str) -> Response:
        manager = self.manager(self.context)
        if word == "disable":
            said = self.validated(ServiceNamed)
            return Response(_changed(manager.disable(said.host, binary=said.binary)))
        why = self.validated(ServiceDisabled)
        info = manager.disable(why.host, binary=why.binary, reason=why.disabled_reason)
        return Response({**_changed(info), "disabled_reason": info.disabled_reason})

    def _freeze(self, word: str) -> Response:
        said = self.validated(ServiceNamed)
        self.manager(self.context).freeze(said.host, frozen=word == "freeze")
        return empty(202)

    def _fail_over(self, _word: str) -> Response:
        self.manager(self.context).fail_over(self.validated(FailOver).host)
        return empty(202)


def _changed(info: ServiceInfo) -> dict[str, Any]:
    return {
        "host": info.host,
        "service": info.binary,
        "binary": info.binary,
        "disabled": not info.enabled,
        "status": "enabled" if info.enabled else "disabled",
    }
