"""Attachments: who holds a volume (from 3.27 on)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.filters import equal, identifier
from cloudweb.api.queries import parameters
from cloudweb.api.views import empty
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.volume import since
from volume.api.listing import ListedViewSet, Lists
from volume.api.serializers import attachments as wire
from volume.manager import AttachmentManager

ATTACHMENTS = Lists(
    plural="attachments",
    filters={
        "id": identifier("id"),
        "volume_id": identifier("volume"),
        "instance_id": identifier("instance_id"),
        "instance_uuid": identifier("instance_id"),
        "status": equal("status"),
        "attach_status": equal("status"),
    },
    since={},
    sort_keys={
        "id": "id",
        "volume_id": "volume_id",
        "instance_uuid": "instance_id",
        "status": "status",
        "created_at": "created_at",
    },
)
PARAMETERS = parameters(*ATTACHMENTS.names)
BESIDE = {"attachments_links": list[Link] | None, "count": int | None}
ONE = within("attachment", wire.AttachmentShown)


class AttachmentViewSet(ListedViewSet):
    """Attachments: list, show; hold a volume, connect to it, let it go."""

    manager: ClassVar[type[AttachmentManager]] = AttachmentManager
    lists = ATTACHMENTS

    @since(27)
    @extend_schema(
        operation_id="volume_attachments_list",
        parameters=PARAMETERS,
        responses={200: listing("attachments", wire.AttachmentBrief, **BESIDE)},
    )
    def list(self, request: Request) -> Response:
        """List attachments, briefly."""
        manager = self.manager(self.context)
        return self.page(manager.pages, manager.count, wire.AttachmentBrief, request)

    @since(27)
    @extend_schema(
        operation_id="volume_attachments_list_detail",
        parameters=PARAMETERS,
        responses={200: listing("attachments", wire.AttachmentShown, **BESIDE)},
    )
    def list_detail(self, request: Request) -> Response:
        """List attachments, whole."""
        manager = self.manager(self.context)
        return self.page(manager.pages, manager.count, wire.AttachmentShown, request)

    @since(27)
    @extend_schema(operation_id="volume_attachments_get", responses={200: ONE})
    def retrieve(self, request: Request, attachment_id: str) -> Response:
        """Show an attachment."""
        return self._one(attachment_id)

    @since(27)
    @extend_schema(
        operation_id="volume_attachments_create",
        request=within("attachment", wire.AttachmentCreate),
        responses={200: ONE},
    )
    def create(self, request: Request) -> Response:
        """Hold a volume; with a connector it is exported, and how it is reached is shown as soon as it is."""
        said = self.validated(wire.AttachmentCreate, self.body("attachment"))
        made = self.manager(self.context).create(
            said.volume_uuid,
            instance_id=said.instance_uuid,
            connector=said.connector,
            mode=said.mode,
        )
        return self._one(str(made.id))

    @since(27)
    @extend_schema(
        operation_id="volume_attachments_update",
        request=within("attachment", wire.AttachmentUpdate),
        responses={200: ONE},
    )
    def update(self, request: Request, attachment_id: str) -> Response:
        """Connect to a volume that is held."""
        said = self.validated(wire.AttachmentUpdate, self.body("attachment"))
        self.manager(self.context).update(attachment_id, connector=said.connector)
        return self._one(attachment_id)

    @since(27)
    @extend_schema(
        operation_id="volume_attachments_delete",
        responses={200: listing("attachments", wire.AttachmentBrief, **BESIDE)},
    )
    def destroy(self, request: Request, attachment_id: str) -> Response:
        """Cut off whoever connected, and let the volume go; return its other attachments."""
        left = self.manager(self.context).disconnect(attachment_id)
        return Response({"attachments": self.shown_all(wire.AttachmentBrief, left)})

    @since(44)
    @extend_schema(
        operation_id="volume_attachments_action",
        request=wire.AttachmentAction,
        responses={204: None},
    )
    def act(self, request: Request, attachment_id: str) -> Response:
        """Tell that whoever connected has the volume."""
        if not isinstance(request.data, Mapping) or [*request.data] != ["os-complete"]:
            raise BadRequest("The body must hold one action: os-complete.")
        self.manager(self.context).finish(attachment_id)
        return empty(204)

    def _one(self, attachment_id: str) -> Response:
        row = self.manager(self.context).find(attachment_id)
        return Response({"attachment": self.shown(wire.AttachmentShown, row)})
