"""Groups of volumes, and their types."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.models.volume_type import VolumeType
from volume.querysets import GroupQuerySet, GroupTypeQuerySet
from volume.states import GroupStatus


class GroupType(models.Model):
    """A kind of group, which operators offer; one that is not public is theirs alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True)
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    is_public = models.BooleanField(default=True)
    group_specs: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = GroupTypeQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name


class Group(models.Model):
    """Volumes of one project that belong together, all of the group's volume types."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    status = models.CharField(
        max_length=20, choices=GroupStatus.choices, default=GroupStatus.AVAILABLE
    )
    group_type = models.ForeignKey(GroupType, on_delete=models.PROTECT, related_name="groups")
    volume_types = models.ManyToManyField(VolumeType, related_name="groups")
    zone = models.CharField(max_length=255, blank=True, default="")
    group_snapshot_id = models.UUIDField(null=True, blank=True, help_text="what it was made of")
    source_group_id = models.UUIDField(null=True, blank=True, help_text="what it was made of")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = GroupQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="volume_group_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.name or ''} ({self.id})"
