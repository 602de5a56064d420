"""Volume types: what an operator offers, to whom, and how it is kept secret."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.models.qos_spec import QosSpec
from volume.querysets import VolumeTypeQuerySet


class VolumeType(models.Model):
    """A kind of volume; its extra specs say what a pool must be able to do.

    One that is not public is seen by the projects that were granted access and by admins.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True)
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    is_public = models.BooleanField(default=True)
    extra_specs: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    qos_spec = models.ForeignKey(
        QosSpec, on_delete=models.SET_NULL, null=True, blank=True, related_name="volume_types"
    )
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = VolumeTypeQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name


class VolumeTypeAccess(models.Model):
    """A project that may use a private type."""

    volume_type = models.ForeignKey(VolumeType, on_delete=models.CASCADE, related_name="access")
    project_id = models.CharField(max_length=64)

    class Meta:
        ordering = ("project_id",)
        constraints = [
            models.UniqueConstraint(
                fields=("volume_type", "project_id"), name="volume_type_access_once"
            )
        ]
        indexes = [models.Index(fields=("project_id",), name="volume_type_access_project")]

    def __str__(self) -> str:
        return f"{self.volume_type_id} for {self.project_id}"


class VolumeTypeEncryption(models.Model):
    """How volumes of a type are encrypted; ``control_location`` says who does it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volume_type = models.OneToOneField(
        VolumeType, on_delete=models.CASCADE, related_name="encryption"
    )
    provider = models.CharField(max_length=255)
    cipher = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    key_size = models.PositiveIntegerField(null=True, blank=True)
    control_location = models.CharField(max_length=9, default="front-end")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"encryption of {self.volume_type_id}"


class DefaultVolumeType(models.Model):
    """What a project's volumes are of when nobody says: where there is none, the cloud's default."""

    project_id = models.CharField(primary_key=True, max_length=64)
    volume_type = models.ForeignKey(VolumeType, on_delete=models.PROTECT, related_name="default_of")
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("project_id",)

    def __str__(self) -> str:
        return f"{self.volume_type_id} of {self.project_id}"
