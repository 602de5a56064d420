"""Messages to users: why something that was accepted failed."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.querysets import MessageQuerySet


class Message(models.Model):
    """What went wrong with one resource, in words and codes that clients know (``volume/messages.py``).

    It is kept until ``expires_at``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64, blank=True, default="")
    resource_type = models.CharField(max_length=32)
    resource_id = models.UUIDField(null=True, blank=True)
    event_id = models.CharField(max_length=64)
    level = models.CharField(max_length=16, default="ERROR")
    text = models.TextField()
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="volume_message_newest"),
            models.Index(fields=["expires_at"], name="volume_message_expiry"),
        ]

    def __str__(self) -> str:
        return self.text
