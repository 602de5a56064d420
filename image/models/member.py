"""The projects an image is shared with."""

from __future__ import annotations

from django.db import models

from image.models.image import Image
from image.sharing import MEMBER_STATUSES


class ImageMember(models.Model):
    """A project that may use a shared image; ``status`` says whether its lists show the image."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="members")
    project_id = models.CharField(max_length=64)
    status = models.CharField(
        max_length=16,
        default=MEMBER_STATUSES[0],
        choices=[(status, status) for status in MEMBER_STATUSES],
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "project_id"], name="image_member_once")
        ]
        indexes = [
            models.Index(fields=["project_id", "status", "image"], name="image_member_project")
        ]

    def __str__(self) -> str:
        return f"{self.project_id} ({self.status})"
