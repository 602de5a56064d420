"""The row of a group's snapshot."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.models.group import Group
from volume.querysets import GroupSnapshotQuerySet
from volume.states import GroupSnapshotStatus


class GroupSnapshot(models.Model):
    """Snapshots of all volumes that were in a group, taken together."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="snapshots")
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    status = models.CharField(
        max_length=20, choices=GroupSnapshotStatus.choices, default=GroupSnapshotStatus.CREATING
    )
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = GroupSnapshotQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="group_snapshot_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name or ''} ({self.id})"
