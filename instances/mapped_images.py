"""Images whose disks are snapshots of volumes: the property that says so, written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from instances.block_devices import DestinationType, SourceType
from instances.build_request import BlockDeviceRequest
from instances.exceptions import BlockDeviceInvalid

if TYPE_CHECKING:
    from instances.models import BlockDevice

#: The property that holds a list of disks in JSON, as Nova writes and reads it.
MAPPING = "block_device_mapping"


class MappedDisk(BaseModel):
    """One disk as the property says it; anybody may have written it."""

    model_config = ConfigDict(extra="ignore")

    source_type: SourceType
    destination_type: DestinationType
    snapshot_id: UUID | None = None
    volume_size: int | None = Field(None, ge=0, le=2**31 - 1)
    volume_type: str | None = Field(None, max_length=255)
    boot_index: int | None = None
    delete_on_termination: bool = False
    device_name: str | None = Field(None, max_length=255)
    tag: str | None = Field(None, max_length=60)
    no_device: bool | None = None


_DISKS = TypeAdapter(list[MappedDisk])


def mapping(disks: Sequence[BlockDevice], snapshots: Mapping[UUID, UUID]) -> str:
    """Return what the image of a server says; ``snapshots`` are those of its volumes, by their ids."""
    told = [
        MappedDisk(
            source_type=SourceType.SNAPSHOT if row.volume_id else SourceType(row.source_type),
            destination_type=DestinationType(row.destination_type),
            snapshot_id=snapshots[row.volume_id] if row.volume_id else None,
            volume_size=row.size or None,
            boot_index=row.boot_index,
            delete_on_termination=row.delete_on_termination,
            device_name=f"/dev/{row.name}",
            tag=row.tag or None,
        )
        for row in disks
    ]
    return json.dumps([one.model_dump(mode="json") for one in told])


def mapped(text: str, asked: Sequence[BlockDeviceRequest]) -> tuple[BlockDeviceRequest, ...]:
    """Return the disks of a server that is made of such an image; those ``asked`` for besides count more.

    Raises BlockDeviceInvalid.
    """
    try:
        told = _DISKS.validate_json(text)
    except ValidationError as error:
        raise BlockDeviceInvalid("the image's own mapping is malformed.") from error
    others = [disk for disk in asked if not disk.is_root]
    named = {(disk.device or "").rpartition("/")[2] for disk in others} - {""}
    disks = [
        BlockDeviceRequest(
            source_type=one.source_type,
            source_id=str(one.snapshot_id) if one.snapshot_id else None,
            destination_type=one.destination_type,
            boot_index=None if one.boot_index is None or one.boot_index < 0 else one.boot_index,
            size=one.volume_size or None,
            volume_type=one.volume_type,
            delete_on_termination=one.delete_on_termination,
            device=one.device_name,
            tag=one.tag,
        )
        for one in told
        if not one.no_device and (one.device_name or "").rpartition("/")[2] not in named
    ]
    return tuple(
        sorted([*disks, *others], key=lambda one: (one.boot_index is None, one.boot_index or 0))
    )


def says_mapping(properties: Mapping[str, Any]) -> str:
    """Return the property where an image is one of these, else nothing."""
    return str(properties.get(MAPPING) or "")
