"""A snapshot's row."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.models.group_snapshot import GroupSnapshot
from volume.models.volume import Volume
from volume.querysets import SnapshotQuerySet
from volume.states import Consistency, SnapshotStatus


class Snapshot(models.Model):
    """A volume as it was at one moment; ``size`` is the volume's then, in GiB."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volume = models.ForeignKey(Volume, on_delete=models.PROTECT, related_name="snapshots")
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    size = models.PositiveIntegerField(help_text="GiB")
    status = models.CharField(
        max_length=20, choices=SnapshotStatus.choices, default=SnapshotStatus.CREATING
    )
    progress = models.PositiveSmallIntegerField(default=0, help_text="per cent")
    metadata: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    group_snapshot = models.ForeignKey(
        GroupSnapshot, on_delete=models.PROTECT, null=True, blank=True, related_name="snapshots"
    )
    consistency = models.CharField(
        max_length=20, choices=Consistency.choices, blank=True, default="",
        help_text="with those that were taken together with it",
    )  # fmt: skip
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="snapshot_newest"),
            models.Index(fields=["-created_at", "-id"], name="snapshot_all_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name or ''} ({self.id})"
