"""What a project has of images, for identity, which deletes empty projects alone."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.events import on
from cloudweb.holdings import hangs_on
from identity.events import ProjectDeleted
from image.models import Image, ImageMember


@hangs_on("project")
def count_images(project_id: str) -> Mapping[str, int]:
    """Return how many images a project still holds."""
    return {"images": Image.objects.all().live().filter(project_id=project_id).count()}


@on(ProjectDeleted)
def drop_memberships(gone: ProjectDeleted) -> None:
    """Share images no longer with a project that is gone."""
    ImageMember.objects.filter(project_id=gone.project_id).delete()
