"""Messages: why something that was accepted failed; from 3.3 on."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, Link, within
from cloudweb.api.filters import equal, identifier
from cloudweb.api.links import resource_links
from cloudweb.api.resource import PAGING, SORTING, Resource, ResourceViewSet
from cloudweb.api.shown import Form, Of, Scene, Seen
from cloudweb.listing import Listing
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.manager import MessageManager
from volume.models import Message


def _links(row: Message, scene: Scene) -> list[dict[str, str]]:
    return resource_links(scene.request, f"messages/{row.id}")


class MessageShown(Answer):
    """A message; it is kept at least until ``guaranteed_until``."""

    id: Annotated[str, Form(str)]
    event_id: str
    user_message: Annotated[str, Of("text")]
    message_level: Annotated[str, Of("level")]
    resource_type: str
    resource_uuid: Annotated[str | None, Of(lambda row: row.resource_id and str(row.resource_id))]
    request_id: str
    created_at: Annotated[str, Form(micros)]
    guaranteed_until: Annotated[str, Of("expires_at"), Form(micros)]
    links: Annotated[list[Link], Seen(_links)]


MESSAGE = Resource(
    "message",
    "messages",
    MessageShown,
    filters={
        "event_id": equal("event_id"),
        "message_level": equal("level"),
        "request_id": equal("request_id"),
        "resource_type": equal("resource_type"),
        "resource_uuid": identifier("resource_id"),
    },
    sort_keys={
        "created_at": "created_at",
        "event_id": "event_id",
        "expires_at": "expires_at",
        "guaranteed_until": "expires_at",
        "id": "id",
        "message_level": "level",
        "request_id": "request_id",
        "resource_type": "resource_type",
    },
    order=("-created_at", "-id"),
)
#: Where lists come in pages, sorted and filtered.
PAGES = since(5)


class MessageViewSet(ResourceViewSet):
    """Messages of the project."""

    manager: ClassVar[type[MessageManager]] = MessageManager
    resource = MESSAGE
    called = "volume_messages"
    controls = (*PAGING, "sort", *SORTING)

    @since(3)
    def list(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return the project's messages."""
        return super().list(request)

    @extend_schema(responses={200: within("message", MessageShown, messages=MessageShown)})
    @since(3)
    def retrieve(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return a message, by the name of lists, too: openstacksdk looks for it there."""
        shown = self.shown(MessageShown, self._manager().get(path["message_id"]))
        return Response({"message": shown, "messages": shown})

    @since(3)
    def destroy(self, request: Request, *_: Any, **path: Any) -> Response:
        """Remove a message that was read (204)."""
        return super().destroy(request, **path)

    def listing(self, query: QueryDict) -> Listing:
        """Return what the query asks for; the first versions were asked for everything."""
        return super().listing(query if self.version in PAGES else QueryDict())
