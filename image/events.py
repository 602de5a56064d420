"""What images do when others have news."""

from __future__ import annotations

from cloudweb.events import on
from image.models import Image, ImageMember


@on("project.deleting")
def count_images(*, project_id: str, holdings: dict[str, int]) -> None:
    """Say how many images a project still holds."""
    holdings["images"] = Image.objects.all().live().filter(project_id=project_id).count()


@on("project.deleted")
def drop_memberships(*, project_id: str) -> None:
    """Share images no longer with a project that is gone."""
    ImageMember.objects.filter(project_id=project_id).delete()
