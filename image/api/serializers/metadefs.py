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

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.shown import Always, Filled, Form, Of, Scene, Seen, shown
from cloudweb.names import no_control_characters, not_blank
from cloudweb.times import seconds_z
from image.metadefs import MOST
from image.models import MetadefNamespace, MetadefProperty

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


def namespace_path(name: str) -> str:
    """Return the relative path clients join to the service's root."""
    return f"/v2/metadefs/namespaces/{name}"


def _or_none(text: str) -> str | None:
    return text or None


def _sorted(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: str(getattr(row, "resource_type", row)))


def _all(answer: type[Answer], part: str) -> Seen:
    """Show all that a namespace holds of a kind."""
    return Seen(lambda row, scene: shown(answer, _sorted(getattr(row, part).all()), scene))


def _properties(row: MetadefNamespace, scene: Scene) -> dict[str, Any]:
    """Return properties by name; for ``resource_type`` of the query, as that calls them."""
    kind = scene.request.GET.get("resource_type", "")
    prefixes = (
        {one.resource_type.name: one.prefix for one in row.associations.all()} if kind else {}
    )
    return properties_of(_sorted(row.properties.all()), prefix=prefixes.get(kind, ""))


def properties_of(rows: Iterable[MetadefProperty], *, prefix: str = "") -> dict[str, Any]:
    """Return the JSON schemas of properties by name."""
    return {f"{prefix}{row.name}": row.schema for row in rows}


class Timed(Answer):
    """What has a history."""

    created_at: Annotated[str, Form(seconds_z)]
    updated_at: Annotated[str, Form(seconds_z)]


class TagShown(Timed):
    """A tag."""

    name: str


class ResourceTypeShown(TagShown):
    """A resource type."""


class AssociationShown(Timed):
    """What a namespace is for."""

    name: Annotated[str, Of("resource_type.name")]
    prefix: Annotated[str, Filled()] = ""
    properties_target: Annotated[str, Filled()] = ""


class PropertyShown(OpenAnswer):
    """A property: its name beside its JSON schema."""

    INVENTED = "schema"

    name: str


class ObjectShown(Timed):
    """An object."""

    name: str
    description: Annotated[str | None, Form(_or_none)]
    required: list[str]
    properties: dict[str, Any]
    self: Annotated[
        str, Of(lambda row: f"{namespace_path(row.namespace.namespace)}/objects/{row.name}")
    ]
    self_schema: Annotated[str, Always(f"{_SCHEMA}/object")] = Field(alias="schema")


class NamespaceListed(Timed):
    """A namespace with what it is for."""

    namespace: str
    display_name: Annotated[str | None, Form(_or_none)]
    description: Annotated[str | None, Form(_or_none)]
    visibility: str
    protected: bool
    owner: Annotated[str, Of("project_id")]
    self: Annotated[str, Of(lambda row: namespace_path(row.namespace))]
    self_schema: Annotated[str, Always(f"{_SCHEMA}/namespace")] = Field(alias="schema")
    resource_type_associations: Annotated[
        list[AssociationShown], Filled(), _all(AssociationShown, "associations")
    ] = []


class NamespaceShown(NamespaceListed):
    """A namespace with all that it holds."""

    properties: Annotated[dict[str, Any], Filled(), Seen(_properties)] = {}
    objects: Annotated[list[ObjectShown], Filled(), _all(ObjectShown, "objects_defined")] = []
    tags: Annotated[list[TagShown], Filled(), _all(TagShown, "tags")] = []


def listing(name: str, items: Any, *, path: str | None = None) -> Mapping[str, Any]:
    """Return a list with its schema, and with the link to its beginning."""
    body = {name: items, "schema": f"{_SCHEMA}/{name}"}
    return body if path is None else {**body, "first": path}
