"""Metadata definitions on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
)

from cloudweb.names import no_control_characters, not_blank
from cloudweb.times import seconds_z
from image.metadefs import MOST
from image.models import (
    MetadefAssociation,
    MetadefNamespace,
    MetadefObject,
    MetadefProperty,
    MetadefTag,
)

_SCHEMA = "/v2/schemas/metadefs"


def _in_a_path(text: str) -> str:
    if "/" in text:
        raise ValueError("It must not contain '/'")
    return text


Word = Annotated[
    str,
    StringConstraints(min_length=1, max_length=80),
    AfterValidator(no_control_characters),
    AfterValidator(not_blank),
    AfterValidator(_in_a_path),
]
Label = Annotated[str, StringConstraints(max_length=80), AfterValidator(no_control_characters)]
Prose = Annotated[str, StringConstraints(max_length=500)]
Count = Annotated[int, Field(ge=0, strict=True)]


class _Sent(BaseModel):
    """What clients send back of what they read (times, links) is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class PropertySchema(_Sent):
    """The JSON schema of one property: the words that the image service knows."""

    type: Literal["string", "integer", "number", "boolean", "array", "object", "null"]
    title: Label
    description: Prose | None = None
    operators: list[Label] | None = None
    default: Any = None
    readonly: bool | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    enum: Annotated[list[Any], Field(max_length=1000)] | None = None
    pattern: Annotated[str, StringConstraints(max_length=1000)] | None = None
    min_length: Count | None = Field(default=None, alias="minLength")
    max_length: Count | None = Field(default=None, alias="maxLength")
    items: dict[str, Any] | None = None
    unique_items: bool | None = Field(default=None, alias="uniqueItems")
    min_items: Count | None = Field(default=None, alias="minItems")
    max_items: Count | None = Field(default=None, alias="maxItems")
    additional_items: bool | None = Field(default=None, alias="additionalItems")

    def schema_sent(self) -> dict[str, Any]:
        """Return the schema without what was not said."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude={"name"})


class PropertyBody(PropertySchema):
    """POST and PUT of a property."""

    name: Word


_Schemas = Annotated[dict[Word, PropertySchema], Field(max_length=MOST)]


class ObjectCreate(_Sent):
    """POST .../objects."""

    name: Word
    description: Prose | None = None
    required: Annotated[list[Word], Field(max_length=MOST)] = []
    properties: _Schemas = {}

    def columns(self) -> dict[str, Any]:
        """Return what was sent as columns."""
        sent = self.model_dump(include=self.model_fields_set, exclude={"properties"})
        if "description" in sent:
            sent["description"] = sent["description"] or ""
        if "properties" in self.model_fields_set:
            sent["properties"] = {
                name: schema.schema_sent() for name, schema in self.properties.items()
            }
        return sent


class ObjectUpdate(ObjectCreate):
    """PUT of an object: what is absent stays."""

    name: Word = ""


class TagBody(_Sent):
    """One tag."""

    name: Word


class TagsBody(_Sent):
    """POST .../tags."""

    tags: Annotated[list[TagBody], Field(max_length=MOST)]


class AssociationCreate(_Sent):
    """POST .../resource_types."""

    name: Word
    prefix: Label = ""
    properties_target: Label = ""

    @field_validator("prefix", "properties_target", mode="before")
    @classmethod
    def _absent(cls, value: Any) -> Any:
        return "" if value is None else value


class NamespaceUpdate(_Sent):
    """PUT of a namespace: what is absent stays."""

    namespace: Word
    display_name: Label | None = None
    description: Prose | None = None
    visibility: Literal["public", "private"] = "private"
    protected: bool = False
    owner: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None

    @field_validator("owner")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        return None if value is None else no_control_characters(value)

    def columns(self) -> dict[str, Any]:
        """Return what was sent as columns."""
        names = set(NamespaceUpdate.model_fields) & self.model_fields_set
        sent = self.model_dump(include=names)
        owner = sent.pop("owner", None)
        for name in ("display_name", "description"):
            if name in sent:
                sent[name] = sent[name] or ""
        return sent if owner is None else {**sent, "project_id": owner}


class NamespaceCreate(NamespaceUpdate):
    """POST /metadefs/namespaces: a namespace, and all it holds if one likes."""

    properties: _Schemas = {}
    objects: Annotated[list[ObjectCreate], Field(max_length=MOST)] = []
    tags: Annotated[list[TagBody], Field(max_length=MOST)] = []
    resource_type_associations: Annotated[list[AssociationCreate], Field(max_length=MOST)] = []


def _times(row: Any) -> dict[str, Any]:
    return {"created_at": seconds_z(row.created_at), "updated_at": seconds_z(row.updated_at)}


def _sorted(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: str(getattr(row, "resource_type", row)))


def namespace_path(name: str) -> str:
    """Return the relative path clients join to the service's root."""
    return f"/v2/metadefs/namespaces/{name}"


def association_body(row: MetadefAssociation) -> dict[str, Any]:
    """Return an association."""
    body: dict[str, Any] = {"name": row.resource_type.name, **_times(row)}
    if row.prefix:
        body["prefix"] = row.prefix
    if row.properties_target:
        body["properties_target"] = row.properties_target
    return body


def property_body(row: MetadefProperty) -> dict[str, Any]:
    """Return a property."""
    return {**row.schema, "name": row.name}


def properties_body(rows: Iterable[MetadefProperty], *, prefix: str = "") -> dict[str, Any]:
    """Return properties by name, as the type they are for calls them."""
    return {f"{prefix}{row.name}": row.schema for row in rows}


def object_body(namespace: str, row: MetadefObject) -> dict[str, Any]:
    """Return an object."""
    return {
        "name": row.name,
        "description": row.description or None,
        "required": row.required,
        "properties": row.properties,
        "self": f"{namespace_path(namespace)}/objects/{row.name}",
        "schema": f"{_SCHEMA}/object",
        **_times(row),
    }


def tag_body(row: MetadefTag) -> dict[str, Any]:
    """Return a tag."""
    return {"name": row.name, **_times(row)}


def namespace_body(row: MetadefNamespace, *, whole: bool, prefix: str = "") -> dict[str, Any]:
    """Return a namespace with its associations; ``whole`` with everything it holds."""
    path = namespace_path(row.namespace)
    body: dict[str, Any] = {
        "namespace": row.namespace,
        "display_name": row.display_name or None,
        "description": row.description or None,
        "visibility": row.visibility,
        "protected": row.protected,
        "owner": row.project_id,
        "self": path,
        "schema": f"{_SCHEMA}/namespace",
        **_times(row),
    }
    parts: dict[str, Any] = {
        "resource_type_associations": [
            association_body(one) for one in _sorted(row.associations.all())
        ]
    }
    if whole:
        parts["properties"] = properties_body(_sorted(row.properties.all()), prefix=prefix)
        parts["objects"] = [
            object_body(row.namespace, one) for one in _sorted(row.objects_defined.all())
        ]
        parts["tags"] = [tag_body(one) for one in _sorted(row.tags.all())]
    return {**body, **{name: part for name, part in parts.items() if part}}


def listing(name: str, items: Any, *, path: str | None = None) -> Mapping[str, Any]:
    """Return a list with its schema, and with the link to its beginning."""
    body = {name: items, "schema": f"{_SCHEMA}/{name}"}
    return body if path is None else {**body, "first": path}
