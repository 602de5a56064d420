"""What was shown on serial consoles of projects that want it kept."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from instances.querysets import ConsoleRecordingQuerySet


class RecordedProject(models.Model):
    """A project whose serial consoles are recorded; ``user_id`` turned that on."""

    project_id = models.CharField(max_length=64, primary_key=True)
    user_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("created_at", "project_id")

    def __str__(self) -> str:
        return self.project_id


class ConsoleRecording(models.Model):
    """One line of one viewer, from when he came in until ``seen_until``.

    ``project_id`` is the server's. Names are those of the time. ``size`` is in bytes of the cast.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    instance_id = models.UUIDField()
    instance_name = models.CharField(max_length=255)
    user_id = models.CharField(max_length=64)
    user_name = models.CharField(max_length=255, blank=True)
    remote_address = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    seen_until = models.DateTimeField(default=now)

    objects = ConsoleRecordingQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(
                fields=["project_id", "created_at", "id"], name="console_recording_of_project"
            ),
            models.Index(fields=["created_at"], name="console_recording_age"),
        ]

    def __str__(self) -> str:
        return f"{self.instance_name}, {self.created_at:%Y-%m-%d %H:%M}"


class ConsoleRecordingPart(models.Model):
    """Some lines of a cast, in the order of ``number``; encrypted (cloudweb/encryption.py)."""

    recording = models.ForeignKey(ConsoleRecording, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.TextField()

    class Meta:
        ordering = ("recording", "number")
        constraints = [
            models.UniqueConstraint(
                fields=["recording", "number"], name="console_recording_part_once"
            )
        ]

    def __str__(self) -> str:
        return f"part {self.number}"
