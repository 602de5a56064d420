"""Volume types: what an operator offers."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now


class VolumeType(models.Model):
    """A kind of volume; its extra specs say what a pool must be able to do."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True)
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    is_public = models.BooleanField(default=True)
    extra_specs: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name
