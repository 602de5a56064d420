"""Volume types on the wire (contract 5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
)

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Name, Text
from cloudweb.api.filters import Filter, entries
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of, Scene, Seen, When
from cloudweb.exceptions import InvalidInput
from volume.manager.volume_type_extra_spec import SEE_ALL, shown_specs
from volume.models import VolumeType

_KEY = re.compile(r"[a-zA-Z0-9\-_:. ]{1,255}\Z")


def _specs(data: Any) -> Any:
    return parse_specs(data) if isinstance(data, Mapping) else data


def _unpadded(text: str) -> str:
    return text.strip()


TypeName = Annotated[Name, AfterValidator(_unpadded)]
Specs = Annotated[dict[str, str], BeforeValidator(_specs)]


class VolumeTypeCreate(Body):
    """``volume_type`` of POST /types."""

    model_config = ConfigDict(populate_by_name=False)

    name: TypeName
    description: Text | None = None
    is_public: LooseBool = Field(default=True, alias="os-volume-type-access:is_public")
    extra_specs: Specs = Field(default_factory=dict)


class VolumeTypeUpdate(Body):
    """``volume_type`` of PUT /types/{id}."""

    name: TypeName = ""
    description: Text | None = None
    is_public: LooseBool = True


def _shown(row: VolumeType, scene: Scene) -> dict[str, str]:
    return shown_specs(row.extra_specs, sees_all=scene.may(SEE_ALL))


class VolumeTypeShown(Answer):
    """A type; of its extra specs and QoS specs everybody sees what concerns everybody."""

    id: Annotated[str, Form(str)]
    name: str
    description: str | None
    is_public: bool
    is_public_too: Annotated[bool, Of("is_public")] = Field(alias="os-volume-type-access:is_public")
    extra_specs: Annotated[dict[str, str], Seen(_shown)]
    qos_specs_id: Annotated[
        str | None,
        Of(lambda row: row.qos_spec_id and str(row.qos_spec_id)),
        When(lambda scene: scene.may("volume:qos_specs:get")),
    ] = None


#: From the version on that knows it.
EXTRA_SPECS: dict[str, Filter] = {"extra_specs": entries("extra_specs")}
VOLUME_TYPE = Resource(
    "volume_type",
    "volume_types",
    VolumeTypeShown,
    VolumeTypeCreate,
    VolumeTypeUpdate,
    filters=EXTRA_SPECS,
    sort_keys={"created_at": "created_at", "id": "id", "name": "name"},
    order=("-created_at", "-id"),
    linked="volume_type",
)


class ExtraSpec(RootModel[dict[str, str]]):
    """One key with its value, without an envelope."""


class VolumeTypeAccessShown(Answer):
    """A project that may use a private type."""

    volume_type_id: str
    project_id: str


class Project(Body):
    """``addProjectAccess`` and ``removeProjectAccess``."""

    project: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9-]{1,64}$")]


class AccessGranted(Body):
    """A project is let in."""

    add: Project = Field(alias="addProjectAccess")


class AccessWithdrawn(Body):
    """A project is shut out."""

    remove: Project = Field(alias="removeProjectAccess")


class AccessAction(RootModel[AccessGranted | AccessWithdrawn]):
    """The body of POST /types/{id}/action: exactly one key."""


def parse_specs(data: Mapping[str, Any]) -> dict[str, str]:
    """Return keys and values. Raises InvalidInput."""
    return {_key(key): _value(key, value) for key, value in data.items()}


def _key(key: Any) -> str:
    if not isinstance(key, str) or not _KEY.match(key):
        raise InvalidInput(
            field="extra_specs",
            value=key,
            reason="A key has 1 to 255 letters, digits, spaces and any of - _ : .",
        )
    return key


def _value(key: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > 255 or not value.isprintable():
        raise InvalidInput(
            field=key, value=value, reason="A value is a number or a printable text of up to 255."
        )
    return value
