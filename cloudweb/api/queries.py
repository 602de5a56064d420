"""The query parameters that a view reads, said once for the view and for the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from cloudweb.microversions import ALWAYS, Versions

TEXT: dict[str, Any] = {"type": "string"}
FLAG: dict[str, Any] = {"type": "boolean"}
NATURAL: dict[str, Any] = {"type": "integer", "minimum": 0}
#: A flag that counts by being there, with or without a value.
PRESENCE: dict[str, Any] = {"type": "string", "enum": ["", "true", "1"]}
DIRECTION: dict[str, Any] = {"type": "string", "enum": ["asc", "desc"]}
#: Parameters that mean the same everywhere.
USUAL: dict[str, tuple[dict[str, Any], str]] = {
    "limit": (NATURAL, "How many at most; what is too large is cut."),
    "marker": (TEXT, "The id of the last one on the page before."),
    "sort_key": (TEXT, "The attribute to sort by."),
    "sort_dir": (DIRECTION, "Upwards or downwards."),
    "page_reverse": (FLAG, "Give the page before the marker."),
    "fields": (TEXT, "The attributes to give; the parameter may be repeated."),
}


def parameters(
    *names: str, versions: Mapping[str, Versions] | None = None, **kinds: Mapping[str, Any]
) -> list[OpenApiParameter]:
    """Return the parameters of a query: texts or usual ones by name, others with their schema.

    Those of ``versions`` are described with the versions that have them.
    """
    found, said = [], versions or {}
    for name in dict.fromkeys((*names, *said, *kinds)):
        schema, description = USUAL.get(name, (TEXT, ""))
        if said.get(name, ALWAYS) != ALWAYS:
            description = f"{description} {said[name]}".strip()
        found.append(
            OpenApiParameter(
                name=name,
                type=dict(kinds.get(name, schema)),
                location=OpenApiParameter.QUERY,
                description=description,
            )
        )
    return found
