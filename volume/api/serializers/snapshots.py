"""Snapshots on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, RootModel

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Text
from cloudweb.api.shown import Always, Form, Of
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.api.serializers.volumes import Description, Id, Items, TolerantBody


class SnapshotCreate(TolerantBody):
    """``snapshot`` of POST /snapshots; null is what is left out."""

    volume_id: Id
    name: Text | None = None
    description: Description | None = None
    display_name: Text | None = None
    display_description: Description | None = None
    force: LooseBool | None = None
    metadata: Items = Field(default_factory=dict)


class SnapshotUpdate(TolerantBody):
    """``snapshot`` of PUT /snapshots/{id}."""

    name: Text | None = None
    description: Description | None = None
    display_name: Text | None = None
    display_description: Description | None = None


class SnapshotBrief(Answer):
    """A snapshot as lists and the answers to POST and PUT show it."""

    id: Annotated[str, Form(str)]
    name: str | None
    description: str | None
    volume_id: Annotated[str, Form(str)]
    status: str
    size: int
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str | None, Form(micros)]
    metadata: dict[str, str]
    group_snapshot_id: Annotated[str | None, Form(lambda key: key and str(key)), since(14)]
    user_id: Annotated[str, since(41)]
    consumes_quota: Annotated[bool, Always(True), since(65)]


class SnapshotShown(SnapshotBrief):
    """A snapshot with everything."""

    progress: Annotated[str, Of(lambda row: f"{row.progress}%")] = Field(
        alias="os-extended-snapshot-attributes:progress"
    )
    project_id: str = Field(alias="os-extended-snapshot-attributes:project_id")


class SnapshotStatusBody(Body):
    """The value of ``os-reset_status``."""

    status: Text


class SnapshotAction(RootModel[dict[str, Any]]):
    """The body of POST /snapshots/{id}/action: exactly one key, with what belongs to it."""
