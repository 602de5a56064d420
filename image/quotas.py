"""How many images, and how much data, a project may have."""

from __future__ import annotations

from django.db.models import Count, Sum

from identity import quotas
from image.models import Image

SERVICE = "image"
MIB = 1024**2

quotas.declare(SERVICE, {"image_count_total": 100, "image_size_total": 512_000})  # size in MiB


def used(project_id: str) -> dict[str, int]:
    """Count a project's images and the MiB of their data."""
    facts = Image.objects.all().live().filter(project_id=project_id)
    found = facts.aggregate(count=Count("id"), size=Sum("size"))
    return {
        "image_count_total": found["count"],
        "image_size_total": _mib(found["size"] or 0),
    }


def reserve_image(project_id: str) -> None:
    """Raise QuotaExceeded unless one more image fits; call it in the transaction that creates."""
    quotas.reserve(
        project_id, SERVICE, wanted={"image_count_total": 1}, used=lambda: used(project_id)
    )


def reserve_size(project_id: str, size: int) -> None:
    """Raise QuotaExceeded unless so many bytes fit; call it in a transaction."""
    quotas.reserve(
        project_id, SERVICE, wanted={"image_size_total": _mib(size)}, used=lambda: used(project_id)
    )


def _mib(size: int) -> int:
    return -(-size // MIB)
