"""The volumes of a server."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.fields import loose_int
from cloudweb.api.pagination import parse_limit
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from cloudweb.identifiers import as_uuid
from cloudweb.microversions.compute import since
from instances.api.serializers.volume_attachments import (
    SEVERAL,
    AttachmentCreate,
    AttachmentShown,
    AttachmentUpdate,
    attachment,
)
from instances.manager import InstanceManager

KEY = "volumeAttachment"
#: Where servers on the shelf are given volumes, and lose them.
ON_SHELF = since(20)


class VolumeAttachmentViewSet(ServiceViewSet):
    """Volumes in servers."""

    manager = InstanceManager

    @extend_schema(responses={200: listing("volumeAttachments", AttachmentShown)})
    def list(self, request: Request, server_id: str) -> Response:
        """List the volumes of a server."""
        rows = self.manager(self.context).attached_volumes(server_id)
        first = _offset(request.query_params.get("offset"))
        limit = parse_limit(request.query_params.get("limit"))
        shown = [attachment(row, self.version) for row in rows[first : first + limit]]
        return Response({"volumeAttachments": shown})

    @extend_schema(
        request=within(KEY, AttachmentCreate), responses={200: within(KEY, AttachmentShown)}
    )
    def create(self, request: Request, server_id: str) -> Response:
        """Attach a volume; it is there once it is in use."""
        wanted = self.validated(AttachmentCreate, self.body(KEY))
        row = self.manager(self.context).attach_volume(
            server_id,
            str(wanted.volumeId),
            device=wanted.device,
            tag=wanted.tag,
            delete_on_termination=wanted.delete_on_termination,
            several=self.version in SEVERAL,
            on_shelf=self.version in ON_SHELF,
        )
        return Response({KEY: attachment(row, self.version)})

    @extend_schema(responses={200: within(KEY, AttachmentShown)})
    def retrieve(self, request: Request, server_id: str, volume_id: str) -> Response:
        """Show a volume of a server."""
        row = self.manager(self.context).attached_volume(server_id, volume_id)
        return Response({KEY: attachment(row, self.version)})

    @extend_schema(request=within(KEY, AttachmentUpdate), responses={202: None})
    def update(self, request: Request, server_id: str, volume_id: str) -> Response:
        """Exchange a volume for another, or say whether it goes with its server."""
        wanted = self.validated(AttachmentUpdate, self.body(KEY))
        manager = self.manager(self.context)
        if wanted.volumeId != as_uuid(volume_id):
            manager.swap_volume(server_id, volume_id, str(wanted.volumeId))
        elif wanted.delete_on_termination is None:
            raise BadRequest("The volume is attached already.")
        else:
            manager.update_attached_volume(
                server_id, volume_id, delete_on_termination=wanted.delete_on_termination
            )
        return empty(202)

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, server_id: str, volume_id: str) -> Response:
        """Detach a volume; it is gone once it is available."""
        self.manager(self.context).detach_volume(
            server_id, volume_id, on_shelf=self.version in ON_SHELF
        )
        return empty(202)


def _offset(value: str | None) -> int:
    try:
        found = int(loose_int(value or 0))
    except ValueError as error:
        raise BadRequest("offset must be a number") from error
    if found < 0:
        raise BadRequest("offset must not be negative")
    return found
