"""Attachments: a volume in a server, or on its way there."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from volume.models.volume import Volume
from volume.querysets import AttachmentQuerySet
from volume.states import AttachmentStatus


class Attachment(models.Model):
    """One volume held for one server; the row ends with the hold.

    ``epoch`` is drawn from the cloud's one counter for each export: what a host has seen a higher
    one of is void. ``exclusive`` rows are one a volume, which the database sees to.
    ``by_server``: a server's operations made it and end it. ``connection``, as the volume's host
    answered, is encrypted. ``relay`` (volume/relaying.py) says through which host the volume is
    reached that was moved meanwhile.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volume = models.ForeignKey(Volume, on_delete=models.PROTECT, related_name="attachments")
    project_id = models.CharField(max_length=64)
    instance_id = models.UUIDField(null=True, blank=True)
    host = models.CharField(max_length=64, blank=True, default="")
    device = models.CharField(max_length=255, blank=True, default="")
    mode = models.CharField(max_length=2, default="rw")
    status = models.CharField(
        max_length=20, choices=AttachmentStatus.choices, default=AttachmentStatus.RESERVED
    )
    exclusive = models.BooleanField(default=True)
    by_server = models.BooleanField(default=False)
    epoch = models.BigIntegerField(default=0)
    connector: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    connection = models.TextField(blank=True, default="")
    relay: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now, help_text="since when it has its status")
    attached_at = models.DateTimeField(null=True, blank=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=("volume",),
                condition=models.Q(exclusive=True),
                name="volume_one_attachment",
            ),
            models.UniqueConstraint(
                fields=("volume", "instance_id"), name="volume_once_in_a_server"
            ),
        ]
        indexes = [models.Index(fields=["instance_id"], name="attachment_instance")]

    def __str__(self) -> str:
        return f"volume {self.volume_id} in server {self.instance_id}"
