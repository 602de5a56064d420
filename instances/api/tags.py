"""The tags of a server (contract 3.1)."""

from __future__ import annotations

from typing import Annotated

from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body
from cloudweb.api.links import base_url
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions.compute import since
from instances.api.serializers.server_bodies import Tag
from instances.conf import MAX_TAGS
from instances.manager import InstanceManager

TAGGED = since(26)


class TagsWanted(Body):
    """All tags that a server shall have."""

    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)]


class TagWanted(Body):
    """One tag, as the address says it."""

    tag: Tag


class TagsShown(Answer):
    """The tags of a server."""

    tags: list[str]


class ServerTagViewSet(ServiceViewSet):
    """Words that servers are found by."""

    manager = InstanceManager

    @TAGGED
    @extend_schema(responses={200: TagsShown})
    def list(self, request: Request, server_id: str) -> Response:
        """Show all tags."""
        return Response({"tags": self.manager(self.context).tags(server_id)})

    @TAGGED
    @extend_schema(request=TagsWanted, responses={200: TagsShown})
    def replace(self, request: Request, server_id: str) -> Response:
        """Replace all tags."""
        tags = self.validated(TagsWanted).tags
        return Response({"tags": self.manager(self.context).replace_tags(server_id, tags)})

    @TAGGED
    @extend_schema(responses={204: None})
    def clear(self, request: Request, server_id: str) -> Response:
        """Remove all tags."""
        self.manager(self.context).replace_tags(server_id, ())
        return empty(204)

    @TAGGED
    @extend_schema(responses={204: None})
    def retrieve(self, request: Request, server_id: str, tag: str) -> Response:
        """Tell whether the server has a tag."""
        self.manager(self.context).check_tag(server_id, tag)
        return empty(204)

    @TAGGED
    @extend_schema(request=None, responses={201: None, 204: None})
    def update(self, request: Request, server_id: str, tag: str) -> Response:
        """Add a tag; one that is there already changes nothing."""
        wanted = self.validated(TagWanted, {"tag": tag}).tag
        if not self.manager(self.context).add_tag(server_id, wanted):
            return empty(204)
        made = empty(201)
        made.headers["Location"] = f"{base_url(request._request)}{request.path}"
        return made

    @TAGGED
    @extend_schema(responses={204: None})
    def destroy(self, request: Request, server_id: str, tag: str) -> Response:
        """Remove a tag."""
        self.manager(self.context).delete_tag(server_id, tag)
        return empty(204)
