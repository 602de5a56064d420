"""Volumes on the wire (contract 5.1)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from cloudweb.api.answers import Answer, Link, OpenAnswer
from cloudweb.api.fields import Body, LooseBool, PositiveNumber, Text
from cloudweb.api.links import resource_links
from cloudweb.api.shown import Always, Filled, Form, Of, Scene, Seen, When
from cloudweb.identifiers import as_uuid
from cloudweb.microversions import OUTSIDE, Versions, version_of
from cloudweb.microversions.volume import since, until
from cloudweb.names import no_control_characters
from cloudweb.times import micros
from volume.models import Attachment, Volume
from volume.states import shown

#: Bodies with keys that nobody knows are refused from here on.
STRICT = since(53)
_ADMIN = When(lambda scene: scene.may("volume:volumes:see_placement"))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _id(value: str) -> str:
    if as_uuid(value) is None:
        raise ValueError("It must be a UUID")
    return value


def _items(value: Any) -> Any:
    return {} if value is None else value


def _several_lines(text: str) -> str:
    no_control_characters(text.translate({ord(one): " " for one in "\r\n\t"}))
    return text


Id = Annotated[str, StringConstraints(max_length=64)]
#: People write these in several lines.
Description = Annotated[str, StringConstraints(max_length=255), AfterValidator(_several_lines)]
Items = Annotated[dict[str, str], BeforeValidator(_items)]


class TolerantBody(Body):
    """A body of which older versions pass over what they do not know."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any, info: Any) -> Any:
        version = version_of(info)
        if version is None or not isinstance(data, dict):
            return data
        if version not in STRICT:
            versioned = {field.alias or name for name, field in cls.model_fields.items()
                         if any(isinstance(one, Versions) for one in field.metadata)}  # fmt: skip
            # the openstack command says null of what it was not asked for, at every version
            return {key: value for key, value in data.items()
                    if value is not None or key not in versioned}  # fmt: skip
        known = {field.alias or name for name, field in cls.model_fields.items()}
        if unknown := sorted(str(key) for key in data.keys() - known):
            text = f"Additional properties are not allowed ({unknown[0][:64]} was unexpected)"
            raise PydanticCustomError(OUTSIDE, "{text}", {"text": text})
        return data


class VolumeCreate(TolerantBody):
    """``volume`` of POST /volumes; null is what is left out."""

    size: PositiveNumber | None = None
    name: Text | None = None
    description: Description | None = None
    availability_zone: Text | None = None
    volume_type: Text | None = None
    metadata: Items = Field(default_factory=dict)
    image_id: Id | None = Field(default=None, alias="imageRef")
    snapshot_id: Id | None = None
    source_volid: Id | None = None
    backup_id: Annotated[Id | None, since(47)] = None
    group_id: Annotated[Id | None, since(13)] = None
    consistencygroup_id: Id | None = None
    multiattach: Annotated[LooseBool | None, until(49)] = None
    display_name: Text | None = None
    display_description: Description | None = None
    user_id: Text | None = None
    project_id: Text | None = None
    status: Text | None = None
    attach_status: Text | None = None


class VolumeUpdate(TolerantBody):
    """``volume`` of PUT /volumes/{id}."""

    name: Text | None = None
    description: Description | None = None
    display_name: Text | None = None
    display_description: Description | None = None
    metadata: Items = Field(default_factory=dict)


class SchedulerHints(OpenAnswer):
    """``OS-SCH-HNT:scheduler_hints`` beside ``volume``: volumes to be with, or apart from."""

    same_host: list[str] | str = Field(default_factory=list)
    different_host: list[str] | str = Field(default_factory=list)


def _links(row: Volume, scene: Scene) -> list[dict[str, str]]:
    return resource_links(scene.request, f"volumes/{row.id}")


class VolumeBrief(Answer):
    """A volume as GET /volumes lists it."""

    id: Annotated[str, Form(str)]
    name: Annotated[str | None, Of("name")]
    links: Annotated[list[Link], Seen(_links)]


class VolumeAttachmentShown(Answer):
    """A server that has the volume."""

    id: str
    attachment_id: str
    volume_id: str
    server_id: str | None
    host_name: str | None
    device: str | None
    attached_at: str | None


def _attachments(row: Volume, scene: Scene) -> list[dict[str, Any]]:
    may = scene.may("volume:volumes:see_placement")
    return [_attached(one, may) for one in row.attachments.all() if one.attached_at is not None]


def _attached(row: Attachment, sees_host: bool) -> dict[str, Any]:
    return {
        "id": str(row.volume_id),
        "attachment_id": str(row.id),
        "volume_id": str(row.volume_id),
        "server_id": _text(row.instance_id),
        "host_name": row.host if sees_host else None,
        "device": row.device or None,
        "attached_at": micros(row.attached_at),
    }


def _metadata(row: Volume) -> dict[str, str]:
    """Return the items; a volume whose flag was ever set tells it among them."""
    flag = {} if row.read_only is None else {"readonly": str(row.read_only)}
    return {**row.metadata, **flag}


class VolumeCreated(VolumeBrief):
    """A volume as the answer to POST shows it."""

    description: str | None
    size: int
    status: Annotated[str, Form(shown)]
    availability_zone: Annotated[str | None, Of(lambda row: row.zone or None)]
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str | None, Form(micros)]
    attachments: Annotated[list[VolumeAttachmentShown], Seen(_attachments)]
    volume_type: Annotated[str, Of("volume_type.name")]
    bootable: Annotated[str, Form(lambda value: str(value).lower())]
    encrypted: bool
    multiattach: bool
    metadata: Annotated[dict[str, str], Of(_metadata)]
    snapshot_id: Annotated[str | None, Form(_text)]
    source_volid: Annotated[str | None, Of(lambda row: _text(row.source_volume_id))]
    consistencygroup_id: Annotated[str | None, Always(None)]
    replication_status: Annotated[str | None, Always(None)]
    user_id: str
    migration_status: Annotated[str | None, _ADMIN] = None
    group_id: Annotated[str | None, Form(_text), since(13)]
    provider_id: Annotated[str | None, Always(None), since(21), _ADMIN] = None
    shared_targets: Annotated[bool, Always(False), since(48)]
    service_uuid: Annotated[str | None, Always(None), since(48)]
    cluster_name: Annotated[str | None, Always(None), since(61), _ADMIN] = None
    volume_type_id: Annotated[str, Form(str), since(63)]
    consumes_quota: Annotated[bool, Always(True), since(65)]


class VolumeShown(VolumeCreated):
    """A volume with everything."""

    volume_image_metadata: Annotated[dict[str, str], Of("image_metadata"), Filled()] = Field(
        default_factory=dict
    )
    project_id: str = Field(alias="os-vol-tenant-attr:tenant_id")
    host: Annotated[
        str | None, Of(lambda row: row.pool.full_name if row.pool else None), _ADMIN
    ] = Field(default=None, alias="os-vol-host-attr:host")
    migstat: Annotated[str | None, Of("migration_status"), _ADMIN] = Field(
        default=None, alias="os-vol-mig-status-attr:migstat"
    )
    name_id: Annotated[str | None, Form(_text), _ADMIN] = Field(
        default=None, alias="os-vol-mig-status-attr:name_id"
    )


class VolumeUpdated(VolumeCreated):
    """A volume as the answer to PUT shows it."""


class SummaryShown(Answer):
    """``volume-summary``."""

    total_size: int
    total_count: int
    metadata: Annotated[dict[str, list[str]], since(36)]


class MetadataBody(Answer):
    """All items of a volume or a snapshot."""

    metadata: dict[str, str]


class MetadataItem(Answer):
    """One item."""

    meta: Annotated[dict[str, str], Field(min_length=1, max_length=1)]
