"""What could be managed, and what shall be, on the wire (contract 5.3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import LooseBool, Text
from cloudweb.api.shown import Of
from volume.api.serializers.volumes import Description, Id, Items, TolerantBody
from volume.manager.managing import SOURCE

#: What something is called where it lies.
Reference = dict[
    Annotated[str, StringConstraints(max_length=255)],
    Annotated[str, StringConstraints(max_length=1024)],
]


class VolumeManage(TolerantBody):
    """``volume`` of POST /manageable_volumes; null is what is left out."""

    host: Text | None = None
    cluster: Text | None = None
    ref: Reference
    name: Text | None = None
    description: Description | None = None
    volume_type: Text | None = None
    availability_zone: Text | None = None
    metadata: Items = Field(default_factory=dict)
    bootable: LooseBool | None = None


class SnapshotManage(TolerantBody):
    """``snapshot`` of POST /manageable_snapshots; null is what is left out."""

    volume_id: Id
    ref: Reference
    name: Text | None = None
    description: Description | None = None
    metadata: Items = Field(default_factory=dict)


class ReferenceShown(BaseModel):
    """By what it is managed."""

    source_name: str = Field(alias="source-name")


class ManageableVolumeBrief(Answer):
    """Something in a pool, as lists show it."""

    reference: Annotated[ReferenceShown, Of(lambda row: {SOURCE: row.name})]
    size: int
    safe_to_manage: Annotated[bool, Of(lambda row: not row.problem)]


class ManageableVolumeDetail(ManageableVolumeBrief):
    """The same, with whose it is, or what is in the way."""

    reason_not_safe: Annotated[str | None, Of(lambda row: row.problem or None)]
    cinder_id: Annotated[str | None, Of("id")]
    extra_info: Annotated[
        dict[str, str] | None, Of(lambda row: {"format": row.format} if row.format else None)
    ]


class ManageableSnapshotBrief(ManageableVolumeBrief):
    """A snapshot in a pool, and what its volume is called there."""

    source_reference: Annotated[ReferenceShown, Of(lambda row: {SOURCE: row.of_volume})]


class ManageableSnapshotDetail(ManageableVolumeDetail):
    """The same, with whose it is, or what is in the way."""

    source_reference: Annotated[ReferenceShown, Of(lambda row: {SOURCE: row.of_volume})]
