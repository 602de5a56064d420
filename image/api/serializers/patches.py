"""PATCH /images/{id}: two spellings of a JSON patch, read into changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cloudweb.exceptions import BadRequest
from image.changes import Change

V20 = "application/openstack-images-v2.0-json-patch"
V21 = "application/openstack-images-v2.1-json-patch"
MEDIA_TYPES = (V21, V20)
_POINTER = {"type": "string", "pattern": "^/."}
#: Bodies of a patch by their type, for the schema.
PATCHES: dict[str, Any] = {
    V21: {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "op": {"enum": ["add", "replace", "remove"]}, "path": _POINTER, "value": {},
            },
            "required": ["op", "path"],
        },
    },
    V20: {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "add": _POINTER, "replace": _POINTER, "remove": _POINTER, "value": {},
            },
        },
    },
}  # fmt: skip
_OPERATIONS = ("add", "replace", "remove")
_LONGEST = 1000
_NO_ESCAPE = re.compile("~(?![01])")


def parse_patch(data: Any, *, media_type: str) -> list[Change]:
    """Read a patch; raise BadRequest."""
    if not isinstance(data, list) or len(data) > _LONGEST:
        raise BadRequest(f"The body must be a list of at most {_LONGEST} changes.")
    return [_change(item, old=media_type == V20) for item in data]


def _change(item: Any, *, old: bool) -> Change:
    if not isinstance(item, Mapping):
        raise BadRequest("Each change must be an object.")
    operation: Any
    pointer: Any
    if old:
        named = [name for name in _OPERATIONS if name in item]
        if len(named) != 1:
            raise BadRequest("Each change must name one of add, replace and remove.")
        operation, pointer = named[0], item[named[0]]
    else:
        operation, pointer = item.get("op"), item.get("path")
    name = _attribute(pointer)
    if operation == "remove":
        return Change("remove", name)
    if "value" not in item:
        raise BadRequest(f"The change of '{name}' has no value.")
    if operation == "add":
        return Change("add", name, item["value"])
    if operation == "replace":
        return Change("replace", name, item["value"])
    raise BadRequest("Each change must be one of add, replace and remove.")


def _attribute(pointer: Any) -> str:
    """Return the attribute a JSON pointer names: ``/name``, with ``~1`` for / and ``~0`` for ~."""
    if not isinstance(pointer, str) or not pointer.startswith("/") or len(pointer) < 2:
        raise BadRequest("Each change needs a path that begins with '/'.")
    if _NO_ESCAPE.search(pointer):
        raise BadRequest(f"The path '{pointer[:80]}' is no JSON pointer.")
    first, deeper, _ = pointer[1:].partition("/")
    name = first.replace("~1", "/").replace("~0", "~")
    if deeper and name != "locations":
        raise BadRequest(f"The path '{pointer[:80]}' does not name an attribute.")
    return name
