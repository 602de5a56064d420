"""Flavors on the wire, as databases show them."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import Answer, Link
from cloudweb.api.links import resource_links
from cloudweb.api.shown import Of, Seen


def _number(flavor_id: str) -> int | None:
    """Return the id as a number, as old clients expect it; None where it is none."""
    return int(flavor_id) if flavor_id.isascii() and flavor_id.isdigit() else None


class FlavorShown(Answer):
    """A size; ``id`` is a number, where it is one."""

    id: Annotated[int | None, Of(lambda row: _number(row.id))]
    str_id: Annotated[str, Of("id")]
    name: str
    ram: int
    vcpus: int
    disk: int
    ephemeral: int
    links: Annotated[
        list[Link],
        Seen(lambda row, scene: resource_links(scene.request, f"flavors/{row.id}")),
    ]
