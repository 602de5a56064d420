"""Attribute types that the nouns of the network API share, and what each of them shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from cloudweb.api.fields import Body, Text
from cloudweb.names import no_control_characters
from cloudweb.times import seconds_z
from network.mac import normal_mac
from network.models.standard import Standard
from network.rows import PortRow

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


Whole = Annotated[int, Field(strict=True), BeforeValidator(_number)]
Version = Annotated[Literal[4, 6], BeforeValidator(_number)]
Mac = Annotated[str, StringConstraints(max_length=32), AfterValidator(normal_mac)]
DnsLabel = Annotated[str, StringConstraints(max_length=63), AfterValidator(_label)]
DnsDomain = Annotated[str, StringConstraints(max_length=255), AfterValidator(_domain)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_tag)]
ProjectId = Annotated[
    str, StringConstraints(min_length=1, max_length=64), AfterValidator(no_control_characters)
]


class Attributes(Body):
    """The body of one resource, under its envelope.

    ``UNUSED`` attributes belong to parts of the API that are not here: clients may say them, with
    the one value that is true.
    """

    UNUSED: ClassVar[frozenset[str]] = frozenset()

    def said(self) -> dict[str, Any]:
        """Return what the client said, by the names that managers use."""
        return {name: getattr(self, name) for name in self.model_fields_set - self.UNUSED}


class Creation(Attributes):
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


class Change(Attributes):
    """What every resource may be changed in."""

    description: Text = ""


def owner(row: Standard | PortRow) -> dict[str, Any]:
    """Return the owner under its old and new name."""
    return {"tenant_id": row.project_id, "project_id": row.project_id}


def standard(row: Standard | PortRow) -> dict[str, Any]:
    """Return the attributes of every resource."""
    return {
        "description": row.description,
        "created_at": seconds_z(row.created_at),
        "updated_at": seconds_z(row.updated_at),
        "revision_number": row.revision,
        "tags": list(row.tags),
    }
