"""What images, their members and tasks look like, as JSON schema; clients read them on lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from image.api.metadefs.schemas import METADEFS
from image.changes import READ_ONLY
from image.formats import CONTAINER_FORMATS, DISK_FORMATS
from image.sharing import MEMBER_STATUSES, VISIBILITIES
from image.states import DELETED, STATUSES
from image.task_words import STATES

_UUID = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"


def _text(description: str, longest: int = 255, *, null: bool = False) -> dict[str, Any]:
    kind: Any = ["null", "string"] if null else "string"
    return {"type": kind, "maxLength": longest, "description": description}


def _choice(description: str, values: tuple[str, ...], *, null: bool = False) -> dict[str, Any]:
    kind: Any = ["null", "string"] if null else "string"
    listed: list[str | None] = [None, *values] if null else [*values]
    return {"type": kind, "enum": listed, "description": description}


def _formats(description: str, formats: Mapping[str, str]) -> dict[str, Any]:
    listed = "; ".join(f"{name}: {what}" for name, what in formats.items())
    return _choice(f"{description}. {listed}.", tuple(formats), null=True)


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def _number(description: str, *, null: bool = False) -> dict[str, Any]:
    return {"type": ["null", "integer"] if null else "integer", "description": description}


_PROPERTIES: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "pattern": _UUID, "description": "An identifier for the image"},
    "name": _text("Descriptive name for the image", null=True),
    "status": _choice(
        "Status of the image", tuple(status for status in STATUSES if status != DELETED)
    ),
    "visibility": _choice("Who can see the image", VISIBILITIES),
    "protected": _flag("The image cannot be deleted while this is true"),
    "os_hidden": _flag("The image is left out of lists unless asked for"),
    "checksum": _text("MD5 of the image data", 32, null=True),
    "os_hash_algo": _text("Algorithm of os_hash_value", 64, null=True),
    "os_hash_value": _text("Digest of the image data by os_hash_algo", 128, null=True),
    "owner": _text("Project that owns the image", null=True),
    "size": _number("Size of the image data in bytes", null=True),
    "virtual_size": _number("Size of the disk inside in bytes", null=True),
    "container_format": _formats("Format of the container", CONTAINER_FORMATS),
    "disk_format": _formats("Format of the disk", DISK_FORMATS),
    "created_at": _text("When the image was recorded"),
    "updated_at": _text("When the record changed last"),
    "tags": {
        "type": "array",
        "items": {"type": "string", "maxLength": 255},
        "description": "Words on the image",
    },
    "min_ram": _number("RAM in MiB that a server needs"),
    "min_disk": _number("Disk in GiB that a server needs"),
    "stores": _text("Stores that hold the image data, with commas between", 65535),
    "self": _text("Path of this record"),
    "file": _text("Path of the image data"),
    "schema": _text("Path of this schema"),
}
IMAGE: dict[str, Any] = {
    "name": "image",
    "properties": {
        name: {**facts, "readOnly": True} if name in READ_ONLY else facts
        for name, facts in _PROPERTIES.items()
    },
    "additionalProperties": {"type": "string"},
    "links": [
        {"rel": "self", "href": "{self}"},
        {"rel": "enclosure", "href": "{file}"},
        {"rel": "describedby", "href": "{schema}"},
    ],
}


def _listed(name: str, item: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list of such items, with its links."""
    return {
        "name": name,
        "properties": {
            name: {"type": "array", "items": item},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


MEMBER: dict[str, Any] = {
    "name": "member",
    "properties": {
        "member_id": _text("Project that the image is shared with"),
        "image_id": {"type": "string", "pattern": _UUID, "description": "The image"},
        "status": _choice("What the project said to it", MEMBER_STATUSES),
        "created_at": _text("When the image was shared"),
        "updated_at": _text("When the entry changed last"),
        "schema": {"type": "string", "readOnly": True},
    },
}
TASK: dict[str, Any] = {
    "name": "task",
    "properties": {
        "id": {"type": "string", "pattern": _UUID, "description": "An identifier for the task"},
        "type": _text("What is done"),
        "status": _choice("How far it is", tuple(STATES)),
        "input": {"type": ["null", "object"], "description": "What it was given"},
        "result": {"type": ["null", "object"], "description": "What came of it"},
        "owner": _text("Project that asked for it"),
        "message": _text("Why it failed"),
        "image_id": _text("The image", null=True),
        "request_id": _text("The request that asked for it", null=True),
        "user_id": _text("Who asked for it", null=True),
        "expires_at": _text("When it may be forgotten", null=True),
        "created_at": _text("When it was asked for"),
        "updated_at": _text("When it changed last"),
        "self": {"type": "string", "readOnly": True},
        "schema": {"type": "string", "readOnly": True},
    },
}
#: Name below /v2/schemas -> schema.
SCHEMAS: dict[str, dict[str, Any]] = {
    "image": IMAGE,
    "images": _listed("images", IMAGE),
    "member": MEMBER,
    "members": _listed("members", MEMBER),
    "task": TASK,
    "tasks": _listed("tasks", TASK),
    **{f"metadefs/{name}": schema for name, schema in METADEFS.items()},
}
