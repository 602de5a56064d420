"""Volumes in the compute API's words (contract 3.5)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, PositiveNumber, Text
from cloudweb.api.shown import Form, Of, Scene, Seen
from cloudweb.times import micros
from volume.manager.volume_type_extra_spec import SEE_ALL, shown_specs
from volume.states import shown

Id = Annotated[str, Field(max_length=64)]


class VolumeWanted(Body):
    """The ``volume`` of a POST."""

    size: PositiveNumber
    display_name: Text | None = None
    display_description: Text | None = None
    volume_type: Text | None = None
    availability_zone: Text | None = None
    snapshot_id: Id | None = None
    metadata: dict[str, str] | None = None


class SnapshotWanted(Body):
    """The ``snapshot`` of a POST."""

    volume_id: Id
    display_name: Text | None = None
    display_description: Text | None = None
    force: LooseBool = False


def _attachments(row: Any) -> list[dict[str, str]]:
    """Return the servers that have it; clients look into the first, so there is one."""
    return [
        {
            "id": str(row.id),
            "volumeId": str(row.id),
            "serverId": str(one.instance_id),
            "device": one.device,
        }
        for one in row.attachments.all()
        if one.attached_at is not None and one.instance_id is not None
    ] or [{}]


def _id(value: Any) -> str | None:
    return None if value is None else str(value)


class ProxiedVolume(Answer):
    """A volume."""

    id: Annotated[str, Form(str)]
    displayName: Annotated[str | None, Of("name")]  # noqa: N815 - the wire's names
    displayDescription: Annotated[str | None, Of("description")]  # noqa: N815
    size: int
    status: Annotated[str, Form(shown)]
    volumeType: Annotated[str, Of("volume_type.name")]  # noqa: N815
    availabilityZone: Annotated[str, Of("zone")]  # noqa: N815
    createdAt: Annotated[str, Of(lambda row: micros(row.created_at))]  # noqa: N815
    snapshotId: Annotated[str | None, Of(lambda row: _id(row.snapshot_id))]  # noqa: N815
    metadata: dict[str, str]
    attachments: Annotated[list[dict[str, str]], Of(_attachments)]


class ProxiedSnapshot(Answer):
    """A snapshot."""

    id: Annotated[str, Form(str)]
    displayName: Annotated[str | None, Of("name")]  # noqa: N815
    displayDescription: Annotated[str | None, Of("description")]  # noqa: N815
    size: int
    status: str
    volumeId: Annotated[str, Of(lambda row: str(row.volume_id))]  # noqa: N815
    createdAt: Annotated[str, Of(lambda row: micros(row.created_at))]  # noqa: N815


def _specs(row: Any, scene: Scene) -> dict[str, str]:
    return dict(shown_specs(row.extra_specs, sees_all=scene.may(SEE_ALL)))


class ProxiedVolumeType(Answer):
    """A type."""

    id: Annotated[str, Form(str)]
    name: str
    extra_specs: Annotated[dict[str, str], Seen(_specs)]
