"""POST /os-server-external-events: what other services tell."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args
from uuid import UUID

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, listing
from cloudweb.api.fields import Body
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import InvalidInput
from cloudweb.microversions.compute import since
from instances.manager import ExternalEvent, ExternalEventManager

Name = Literal[
    "network-changed",
    "network-vif-plugged",
    "network-vif-unplugged",
    "network-vif-deleted",
    "volume-extended",
]
#: From here on a volume that has grown is an event.
GROWN = since(51)


class ExternalEventSaid(Body):
    """One event."""

    name: Name
    server_uuid: UUID
    status: Literal["failed", "completed", "in-progress"] = "completed"
    tag: Annotated[str, Field(max_length=255)] = ""


class ExternalEventsSaid(Body):
    """The body: at least one."""

    events: Annotated[list[ExternalEventSaid], Field(min_length=1, max_length=1000)]


class ExternalEventShown(Answer):
    """An event with what became of it."""

    name: str
    server_uuid: str
    status: str
    tag: str
    code: int


class ExternalEventViewSet(ServiceViewSet):
    """Events."""

    manager: ClassVar[type[ExternalEventManager]] = ExternalEventManager

    @extend_schema(
        request=ExternalEventsSaid,
        responses=dict.fromkeys((200, 207), listing("events", ExternalEventShown)),
    )
    def create(self, request: Request) -> Response:
        """Take events: 200 where all were heard, 207 where some were."""
        said = self.validated(ExternalEventsSaid).events
        self._check_names(said)
        events = [ExternalEvent(one.name, one.server_uuid, one.tag, one.status) for one in said]
        codes = self.manager(self.context).create(events)
        shown = [
            {
                **one.model_dump(mode="json"),
                "code": code,
                **({"status": "failed"} if code >= 400 else {}),
            }
            for one, code in zip(said, codes, strict=True)
        ]
        return Response({"events": shown}, status=200 if {*codes} == {200} else 207)

    def _check_names(self, said: list[ExternalEventSaid]) -> None:
        if self.version not in GROWN and any(one.name == "volume-extended" for one in said):
            known = [name for name in get_args(Name) if name != "volume-extended"]
            raise InvalidInput(
                field="events.name", value="volume-extended", reason=f"It is one of {known}."
            )
