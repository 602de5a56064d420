"""The kinds of disks that servers of this release have."""

from __future__ import annotations

from django.db.models import TextChoices


class SourceType(TextChoices):
    """What a disk is made from."""

    IMAGE = "image", "image"


class DestinationType(TextChoices):
    """Where a disk lies."""

    LOCAL = "local", "on the host"
