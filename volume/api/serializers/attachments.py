"""Attachments on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, RootModel

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body
from cloudweb.api.shown import Always, Form, Of, Scene, Seen
from cloudweb.identifiers import as_uuid
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.attaching import connection_of
from volume.models import Attachment


def _uuid(value: str) -> str:
    if as_uuid(value) is None:
        raise ValueError("It must be a UUID")
    return value


Uuid = Annotated[str, AfterValidator(_uuid)]
#: What connects: ``host`` names it, ``ip`` is where it comes from; the rest is kept as it is.
Connector = Annotated[dict[str, Any], Field(max_length=32)]


class AttachmentCreate(Body):
    """``attachment`` of POST /attachments."""

    volume_uuid: Uuid
    instance_uuid: Uuid | None = None
    connector: Connector | None = None
    mode: Annotated[Literal["rw", "ro"] | None, since(54)] = None


class AttachmentUpdate(Body):
    """``attachment`` of PUT /attachments/{id}."""

    connector: Annotated[dict[str, Any], Field(min_length=1, max_length=32)]


class AttachmentAction(RootModel[dict[str, Any]]):
    """The body of POST /attachments/{id}/action: ``os-complete``."""


class AttachmentBrief(Answer):
    """An attachment as GET /attachments lists it."""

    id: Annotated[str, Form(str)]
    status: str
    instance: Annotated[str | None, Of(lambda row: row.instance_id and str(row.instance_id))]
    volume_id: Annotated[str, Form(str)]


def _connection(row: Attachment, scene: Scene) -> dict[str, Any]:
    """Return how the volume is reached, for those who see where it lies."""
    if not scene.may("volume:volumes:see_placement"):
        return {}
    found = connection_of(row)
    return found.model_dump(exclude_defaults=True) if found else {}


class AttachmentShown(AttachmentBrief):
    """An attachment with everything."""

    attached_at: Annotated[str | None, Form(micros)]
    detached_at: Annotated[str | None, Always(None)]
    attach_mode: Annotated[str, Of("mode")]
    connection_info: Annotated[dict[str, Any], Seen(_connection)]
