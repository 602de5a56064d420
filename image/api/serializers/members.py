"""Members of an image on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cloudweb.api.answers import Answer
from cloudweb.times import seconds_z
from image.models import ImageMember


class MemberAdd(BaseModel):
    """POST .../members."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    member: str


class MemberUpdate(BaseModel):
    """PUT .../members/{member}: clients send the id along, the path counts."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: str


class MemberShown(Answer):
    """A project that an image is shared with."""

    image_id: str
    member_id: str
    status: str
    created_at: str
    updated_at: str
    self_schema: str = Field(alias="schema")


class MemberList(Answer):
    """All of an image."""

    members: list[MemberShown]
    self_schema: str = Field(alias="schema")


def member_body(member: ImageMember) -> dict[str, Any]:
    """Return one member."""
    return {
        "image_id": str(member.image_id),
        "member_id": member.project_id,
        "status": member.status,
        "created_at": seconds_z(member.created_at),
        "updated_at": seconds_z(member.updated_at),
        "schema": "/v2/schemas/member",
    }


def members_body(members: Sequence[ImageMember]) -> dict[str, Any]:
    """Return a list of members."""
    return {
        "members": [member_body(member) for member in members],
        "schema": "/v2/schemas/members",
    }
