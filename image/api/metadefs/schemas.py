"""What metadata definitions look like, as JSON schema: what the API reads, and what it adds."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from image.api.serializers.metadefs import (
    AssociationCreate,
    NamespaceUpdate,
    ObjectCreate,
    PropertyBody,
    PropertySchema,
    TagBody,
)

_READ = {"type": "string", "readOnly": True}
_TIMES = {
    name: {"type": "string", "format": "date-time", "readOnly": True}
    for name in ("created_at", "updated_at")
}
_LINKS = {"self": _READ, "schema": _READ}


def _of(name: str, model: type[BaseModel], **added: Any) -> dict[str, Any]:
    """Return the schema of what a model reads, flat: no definitions beside it."""
    drawn = model.model_json_schema(by_alias=True)
    properties = {
        key: {"type": "object"} if key == "properties" else facts
        for key, facts in drawn["properties"].items()
    }
    return {
        "name": name,
        "type": "object",
        "required": drawn.get("required", []),
        "properties": {**properties, **added},
        "additionalProperties": False,
    }


def _listed(name: str, item: dict[str, Any], **added: Any) -> dict[str, Any]:
    return {
        "name": name,
        "properties": {name: {"type": "array", "items": item}, "schema": _READ, **added},
        "links": [{"rel": "describedby", "href": "{schema}"}],
    }


_PAGED = {"first": _READ, "next": _READ}
_PROPERTY = _of("property", PropertyBody)
_OBJECT = _of("object", ObjectCreate, **_LINKS, **_TIMES)
_TAG = _of("tag", TagBody, **_TIMES)
_ASSOCIATION = _of("resource_type_association", AssociationCreate, **_TIMES)
_NAMESPACE = _of(
    "namespace",
    NamespaceUpdate,
    resource_type_associations={"type": "array", "items": _ASSOCIATION},
    properties={"type": "object", "additionalProperties": _of("property", PropertySchema)},
    objects={"type": "array", "items": _OBJECT},
    tags={"type": "array", "items": _TAG},
    **_LINKS,
    **_TIMES,
)
_ASSOCIATIONS = _listed("resource_type_associations", _ASSOCIATION)
METADEFS: dict[str, dict[str, Any]] = {
    "namespace": _NAMESPACE,
    "namespaces": _listed("namespaces", _NAMESPACE, **_PAGED),
    "property": _PROPERTY,
    "properties": {
        "name": "properties",
        "properties": {
            "properties": {"type": "object", "additionalProperties": _of("p", PropertySchema)},
            "schema": _READ,
        },
    },
    "object": _OBJECT,
    "objects": _listed("objects", _OBJECT, first=_READ),
    "tag": _TAG,
    "tags": _listed("tags", _TAG, first=_READ),
    # Clients ask for what is associated by the name of the type.
    "resource_type": _ASSOCIATION,
    "resource_types": _ASSOCIATIONS,
    "resource_type_association": _ASSOCIATION,
    "resource_type_associations": _ASSOCIATIONS,
}
