"""Members of an image on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cloudweb.api.answers import Answer, listing
from cloudweb.api.shown import Always, Form, Of
from cloudweb.times import seconds_z


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

    image_id: Annotated[str, Form(str)]
    member_id: Annotated[str, Of("project_id")]
    status: str
    created_at: Annotated[str, Form(seconds_z)]
    updated_at: Annotated[str, Form(seconds_z)]
    self_schema: Annotated[str, Always("/v2/schemas/member")] = Field(alias="schema")


MEMBERS = listing("members", MemberShown, schema=str)
