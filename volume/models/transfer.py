"""Transfers: a volume that is offered to whoever knows a key."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.models.volume import Volume
from volume.querysets import TransferQuerySet


class Transfer(models.Model):
    """An offer of one volume by its project; ``key_hash`` is of the key that is shown once.

    It ends with its acceptance. ``with_snapshots``: they go along.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volume = models.OneToOneField(Volume, on_delete=models.CASCADE, related_name="transfer")
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    key_hash = models.CharField(max_length=64)
    with_snapshots = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now)

    objects = TransferQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(
                fields=["project_id", "-created_at", "-id"], name="volume_transfer_newest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or ''} ({self.id})"
