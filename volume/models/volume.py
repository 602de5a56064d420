"""A volume's row."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.models.group import Group
from volume.models.pool import Pool
from volume.models.volume_type import VolumeType
from volume.querysets import VolumeQuerySet
from volume.states import VolumeStatus


class Volume(models.Model):
    """A volume; ``size`` is GiB. It has a pool from the moment one was chosen.

    ``previous_status`` is what an action that ends gives back. What it was made of is kept by bare
    ids: the source may be gone. ``format`` is what its host made of it. ``name_id`` is what it is called
    where it lies, once it was moved: empty, it is called by its id.
    ``encryption_key`` is encrypted itself (cloudweb/encryption.py).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    size = models.PositiveIntegerField(help_text="GiB")
    wanted_size = models.PositiveIntegerField(
        null=True, blank=True, help_text="GiB, while it is extended"
    )
    status = models.CharField(
        max_length=20, choices=VolumeStatus.choices, default=VolumeStatus.CREATING
    )
    previous_status = models.CharField(max_length=20, blank=True, default="")
    migration_status = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001 - null differs
    volume_type = models.ForeignKey(VolumeType, on_delete=models.PROTECT, related_name="volumes")
    wanted_type = models.ForeignKey(
        VolumeType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="While it moves in order to be of that type",
    )
    pool = models.ForeignKey(
        Pool, on_delete=models.PROTECT, null=True, blank=True, related_name="volumes"
    )
    group = models.ForeignKey(
        Group, on_delete=models.SET_NULL, null=True, blank=True, related_name="volumes"
    )
    zone = models.CharField(max_length=255, blank=True, default="")
    name_id = models.UUIDField(null=True, blank=True)
    format = models.CharField(max_length=16, blank=True, default="")
    bootable = models.BooleanField(default=False)
    multiattach = models.BooleanField(default=False)
    encrypted = models.BooleanField(default=False)
    read_only = models.BooleanField(null=True, blank=True, help_text="Empty: nobody ever said")
    metadata: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    encryption_key = models.TextField(blank=True, default="")
    image_id = models.UUIDField(null=True, blank=True)
    image_metadata: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    snapshot_id = models.UUIDField(null=True, blank=True)
    source_volume_id = models.UUIDField(null=True, blank=True)

    fault_code = models.PositiveIntegerField(null=True, blank=True)
    fault_message = models.TextField(blank=True, default="")
    fault_detail = models.TextField(blank=True, default="")
    fault_at = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = VolumeQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="volume_newest"),
            models.Index(fields=["-created_at", "-id"], name="volume_all_newest"),
            models.Index(fields=["project_id", "name"], name="volume_name"),
            models.Index(fields=["status"], name="volume_status"),
        ]

    def __str__(self) -> str:
        return f"{self.name or ''} ({self.id})"

    @property
    def backend_name(self) -> str:
        """What it is called where it lies."""
        return f"volume-{self.name_id or self.id}"
