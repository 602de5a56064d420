"""Attribute types that the nouns of the network API share, and what each of them shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    model_validator,
)

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Text
from cloudweb.api.shown import Always, Form, Of
from cloudweb.names import no_control_characters
from cloudweb.times import seconds_z
from network.mac import normal_mac

_LABEL = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")


def _label(text: str) -> str:
    if text and not _LABEL.match(text):
        raise ValueError("It must be a DNS label")
    return text


def _domain(text: str) -> str:
    if text and not all(_LABEL.match(label) for label in text.rstrip(".").split(".")):
        raise ValueError("It must be a DNS domain")
    return text


def _tag(text: str) -> str:
    if "," in text or "/" in text:
        raise ValueError("A tag has no comma and no slash")
    return no_control_characters(text)


def _number(value: Any) -> Any:
    """Take a number written as text, as some clients send it."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    return value


FROM_TEXT = BeforeValidator(_number)
Version = Annotated[Literal[4, 6], FROM_TEXT]
Mac = Annotated[str, StringConstraints(max_length=32), AfterValidator(normal_mac)]
DnsLabel = Annotated[str, StringConstraints(max_length=63), AfterValidator(_label)]
DnsDomain = Annotated[str, StringConstraints(max_length=255), AfterValidator(_domain)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_tag)]
ProjectId = Annotated[
    str, StringConstraints(min_length=1, max_length=64), AfterValidator(no_control_characters)
]


class Creation(Body):
    """What every new resource may be given. A null is as good as nothing, but for MEANINGFUL_NULLS."""

    MEANINGFUL_NULLS: ClassVar[frozenset[str]] = frozenset()

    description: Text = ""
    project_id: ProjectId | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_owner(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        said = {
            name: value
            for name, value in data.items()
            if value is not None or name in cls.MEANINGFUL_NULLS
        }
        tenant = said.pop("tenant_id", None)
        if tenant is not None and said.setdefault("project_id", tenant) != tenant:
            raise ValueError("'project_id' and 'tenant_id' do not match")
        return said


class Change(Body):
    """What every resource may be changed in."""

    description: Text = ""


#: Ids, which rows hold as UUIDs and values as texts.
Id = Annotated[str, Form(str)]
#: An id or text that may be empty.
Maybe = Annotated[str | None, Form(lambda value: value or None)]
MaybeId = Annotated[str | None, Form(lambda value: None if value is None else str(value))]
Moment = Annotated[str, Form(seconds_z)]
#: What belongs to parts of the API that are not here.
Nothing = Annotated[None, Always(None)]


def nothing_required(schema: dict[str, Any]) -> None:
    """Call no attribute of an answer required in the schema."""
    schema.pop("required", None)


class Selectable(Answer):
    """What a resource shows: a client may want some fields alone, so the schema calls none of them required."""

    model_config = ConfigDict(json_schema_extra=nothing_required)


class StandardShown(Selectable):
    """What nearly every resource shows: its owner under the old and the new name, times, revision, tags."""

    id: Id
    tenant_id: Annotated[str, Of("project_id")]
    project_id: str
    description: str
    created_at: Moment
    updated_at: Moment
    revision_number: Annotated[int, Of("revision")]
    tags: list[str]
