"""Drains: hosts that are being emptied, and how far that is."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now


class DrainState(models.TextChoices):
    """How far a drain is."""

    DRAINING = "draining", "being emptied"
    DRAINED = "drained", "nothing more moves"
    ENDED = "ended", "put back"


class HostDrain(models.Model):
    """A host that takes no servers and loses those that it has.

    ``servers`` are the ids of those that were on it, ``moved`` of those that left, ``stuck`` says of
    others why they stay. ``moving`` are under way.
    """

    host = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=DrainState.choices, default=DrainState.DRAINING)
    reason = models.CharField(max_length=200, blank=True, default="")
    user_id = models.CharField(max_length=64, blank=True, default="")
    servers: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    moving: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    moved: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    stuck: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=("host",),
                condition=models.Q(ended_at__isnull=True),
                name="host_drain_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"drain of {self.host}"
