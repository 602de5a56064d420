"""Volumes of servers, on the wire (contract 3.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool
from cloudweb.api.versioned import leave_out
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since, until
from instances.api.serializers.server_bodies import Tag

if TYPE_CHECKING:
    from instances.models import BlockDevice

#: Where a client knows of volumes that are in several servers.
SEVERAL = since(60)


class AttachmentCreate(Body):
    """The ``volumeAttachment`` of a POST."""

    volumeId: UUID  # noqa: N815 - the wire's name
    device: str | None = None
    tag: Annotated[Tag | None, since(49)] = None
    delete_on_termination: Annotated[LooseBool, since(79)] = False


class AttachmentUpdate(Body):
    """The ``volumeAttachment`` of a PUT: another volume, or whether it goes with its server."""

    volumeId: UUID  # noqa: N815
    id: Annotated[UUID | None, since(85)] = None
    serverId: Annotated[UUID | None, since(85)] = None  # noqa: N815
    device: Annotated[str | None, since(85)] = None
    tag: Annotated[str | None, since(85)] = None
    delete_on_termination: Annotated[LooseBool | None, since(85)] = None


class AttachmentShown(Answer):
    """A volume of a server."""

    id: Annotated[str, until(88)]
    volume_id: str = Field(alias="volumeId")
    server_id: str = Field(alias="serverId")
    device: str
    tag: Annotated[str | None, since(70)]
    delete_on_termination: Annotated[bool, since(79)]
    attachment_id: Annotated[str | None, since(89)]
    bdm_uuid: Annotated[str, since(89)]


def attachment(row: BlockDevice, version: Microversion) -> dict[str, Any]:
    """Return a volume of a server as this version shows it."""
    data = {
        "id": str(row.volume_id),
        "volumeId": str(row.volume_id),
        "serverId": str(row.instance_id),
        "device": f"/dev/{row.name}",
        "tag": row.tag or None,
        "delete_on_termination": row.delete_on_termination,
        "attachment_id": str(row.attachment_id) if row.attachment_id else None,
        "bdm_uuid": str(row.uuid),
    }
    return leave_out(AttachmentShown, version, data)
