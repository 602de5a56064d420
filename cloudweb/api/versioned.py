"""Bodies and answers of which not every version has every field: ``Annotated[T, since(52)]``.

What a version lacks is refused by ``views.validate`` in bodies, left out by ``leave_out`` in answers,
and said in the OpenAPI schema of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, reduce
from operator import and_
from typing import Any

from pydantic import BaseModel

from cloudweb.microversions import ALWAYS, Microversion, Versions


@cache
def versioned(model: type[BaseModel]) -> Mapping[str, Versions]:
    """Return the versions of each field that says some, by its name on the wire."""
    found = {}
    for name, field in model.model_fields.items():
        said = [one for one in field.metadata if isinstance(one, Versions)]
        if said:
            found[field.alias or name] = reduce(and_, said)
    for key, versions in getattr(model, "NARROWED", {}).items():
        found[key] = found.get(key, ALWAYS) & versions
    return found


@cache
def absent(model: type[BaseModel], version: Microversion) -> frozenset[str]:
    """Return what the answer at a version lacks; looked up once, not for each row."""
    return frozenset(key for key, said in versioned(model).items() if version not in said)


def leave_out(
    model: type[BaseModel], version: Microversion, data: dict[str, Any]
) -> dict[str, Any]:
    """Take out of a model's answer what the version lacks; ``data`` is changed and returned."""
    for key in absent(model, version):
        data.pop(key, None)
    return data


def describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Add to a model's schema which versions have a field; an older answer lacks it."""
    properties = schema.get("properties", {})
    for key, versions in versioned(model).items():
        said = properties[key].get("description", "")
        properties[key]["description"] = f"{said} {versions}".strip()
        if key in schema.get("required", ()):
            schema["required"].remove(key)
    if not schema.get("required", True):
        del schema["required"]
