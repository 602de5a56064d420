"""Images in the compute API's words (contract 3.6)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.links import resource_links
from cloudweb.api.shown import Form, Of, Scene, Seen
from cloudweb.times import seconds_z

#: What a status of an image is called here; what is not said is on its way.
STATUSES = {
    "active": "ACTIVE",
    "deactivated": "UNKNOWN",
    "killed": "ERROR",
    "deleted": "DELETED",
    "pending_delete": "DELETED",
}
PROGRESS = {"ACTIVE": 100, "SAVING": 50}


def status_of(row: Any) -> str:
    """Return the word of an image's status."""
    return STATUSES.get(row.status, "SAVING")


def _links(row: Any, scene: Scene) -> list[dict[str, str]]:
    alternate = f"{scene.base}/image/v2/images/{row.id}"
    kind = "application/vnd.openstack.image"
    links = resource_links(scene.request, f"images/{row.id}")
    return [*links, {"rel": "alternate", "type": kind, "href": alternate}]


class ImageNamed(Answer):
    """An image in the short list."""

    id: Annotated[str, Form(str)]
    name: str
    links: Annotated[list[dict[str, str]], Seen(_links)]


class ProxiedImage(ImageNamed):
    """An image."""

    status: Annotated[str, Of(status_of)]
    progress: Annotated[int, Of(lambda row: PROGRESS.get(status_of(row), 0))]
    minDisk: Annotated[int, Of("min_disk")]  # noqa: N815 - the wire's names
    minRam: Annotated[int, Of("min_ram")]  # noqa: N815
    created: Annotated[str | None, Of(lambda row: seconds_z(row.created_at))]
    updated: Annotated[str | None, Of(lambda row: seconds_z(row.updated_at))]
    metadata: Annotated[dict[str, str], Of("shown_properties")]
    size: Annotated[int, Of("size")] = Field(0, alias="OS-EXT-IMG-SIZE:size")
