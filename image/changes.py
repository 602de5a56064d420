"""What a client may set on an image, attribute by attribute, for create and update alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cloudweb.exceptions import BadRequest, InvalidInput
from cloudweb.names import no_control_characters
from image.exceptions import AttributeForbidden, PropertyMissing, TooManyDetails
from image.formats import CONTAINER_FORMATS, DISK_FORMATS
from image.sharing import VISIBILITIES

MAX_TAGS = 128
MAX_PROPERTIES = 128
MAX_VALUE = 65_535
#: Characters of all properties together; whole lists of images are held in memory.
MAX_ALL_VALUES = 131_072
MAX_NUMBER = 2**31 - 1

READ_ONLY = frozenset(
    {
        "checksum", "created_at", "deleted", "deleted_at", "direct_url", "file", "locations",
        "os_hash_algo", "os_hash_value", "schema", "self", "size", "status", "stores",
        "updated_at", "virtual_size",
    }
)  # fmt: skip
RESERVED_PREFIX = "os_glance"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a patch; ``value`` counts for add and replace."""

    op: Literal["add", "replace", "remove"]
    name: str
    value: Any = None


def _text(name: str, value: Any, *, longest: int = 255) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field=name, value=value, reason="It must be a string.")
    if len(value) > longest:
        raise InvalidInput(field=name, value=value, reason=f"It is longer than {longest}.")
    try:
        return no_control_characters(value)
    except ValueError as error:
        raise InvalidInput(field=name, value=value, reason=f"{error}.") from error


def _name(name: str, value: Any) -> str:
    return "" if value is None else _text(name, value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(field=name, value=value, reason="It must be a boolean.")
    return value


def _number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_NUMBER:
        raise InvalidInput(
            field=name, value=value, reason=f"It must be an integer from 0 to {MAX_NUMBER}."
        )
    return value


def _one_of(allowed: tuple[str, ...], *, nullable: bool = False) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value is None and nullable:
            return ""
        if value not in allowed:
            raise InvalidInput(
                field=name, value=value, reason=f"It must be one of {', '.join(allowed)}."
            )
        return str(value)

    return check


def _tags(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise InvalidInput(field=name, value=value, reason="It must be a list of strings.")
    tags = sorted({tag_name(item) for item in value})
    if len(tags) > MAX_TAGS:
        raise TooManyDetails(f"An image has at most {MAX_TAGS} tags.")
    return tags


def _owner(name: str, value: Any) -> str:
    text = _text(name, value, longest=64)
    if not text:
        raise InvalidInput(field=name, value=value, reason="It must not be empty.")
    return text


#: API attribute -> its check. All but ``tags`` are columns (``owner`` is project_id).
BASE: Mapping[str, Callable[[str, Any], Any]] = {
    "name": _name,
    "visibility": _one_of(VISIBILITIES),
    "protected": _flag,
    "os_hidden": _flag,
    "min_disk": _number,
    "min_ram": _number,
    "disk_format": _one_of(tuple(DISK_FORMATS), nullable=True),
    "container_format": _one_of(tuple(CONTAINER_FORMATS), nullable=True),
    "owner": _owner,
    "tags": _tags,
}


def tag_name(value: Any) -> str:
    """Return a tag if it is one; raise InvalidInput."""
    text = _text("tags", value)
    if not text.strip():
        raise InvalidInput(field="tags", value=value, reason="A tag must not be blank.")
    return text


def checked(name: str, value: Any) -> Any:
    """Return the value of an attribute or custom property as it is kept; raise what forbids it."""
    if name in BASE:
        return BASE[name](name, value)
    if name in READ_ONLY or name == "id":
        raise AttributeForbidden(f"Attribute '{name}' is read-only.")
    if _is_reserved(name):
        raise AttributeForbidden(f"Attribute '{name}' is reserved.")
    if not name or not _text("property name", name).strip():
        raise BadRequest("A property must have a name.")
    if not isinstance(value, str):
        raise InvalidInput(field=name, value=value, reason="A property must be a string.")
    if len(value) > MAX_VALUE or "\x00" in value:
        raise InvalidInput(field=name, value=value, reason="It is too long or holds a zero byte.")
    return value


def _is_reserved(name: str) -> bool:
    return name.startswith(RESERVED_PREFIX)


def custom(items: Mapping[str, str]) -> dict[str, str]:
    """Return those of some items that can be custom properties by their names."""
    taken = BASE.keys() | READ_ONLY | {"id"}
    return {
        name: text
        for name, text in items.items()
        if name not in taken | {""} and not _is_reserved(name)
    }


def patched(
    base: Mapping[str, Any], properties: Mapping[str, str], changes: Sequence[Change]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return attributes and properties after all changes; raise at the first that cannot be.

    ``add`` replaces what is there; ``replace`` and ``remove`` need the property to be there.
    """
    base, before, properties = dict(base), properties, dict(properties)
    for change in changes:
        name = change.name
        if change.op == "remove":
            if name in BASE or name in READ_ONLY or name == "id" or _is_reserved(name):
                raise AttributeForbidden(f"Property {name} may not be removed.")
            if name not in properties:
                raise PropertyMissing(f"Property {name} does not exist.")
            del properties[name]
            continue
        value = checked(name, change.value)
        if name in BASE:
            base[name] = value
            continue
        if change.op == "replace" and name not in properties:
            raise PropertyMissing(f"Property {name} does not exist.")
        properties[name] = value
    check_amount(properties, before)
    return base, properties


def check_amount(properties: Mapping[str, str], before: Mapping[str, str] | None = None) -> None:
    """Raise TooManyDetails for more than one image may carry, unless there was as much before."""
    if len(properties) > MAX_PROPERTIES:
        raise TooManyDetails(f"An image has at most {MAX_PROPERTIES} properties.")
    if _length(properties) > max(MAX_ALL_VALUES, _length(before or {})):
        raise TooManyDetails(
            f"The properties of an image have at most {MAX_ALL_VALUES} characters together."
        )


def _length(properties: Mapping[str, str]) -> int:
    return sum(len(name) + len(text) for name, text in properties.items())
