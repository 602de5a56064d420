"""Differences."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from reconciliation.querysets import DifferenceQuerySet


class Difference(models.Model):
    """Something that is not as it is written down, on a host or (without one) in the rows themselves.

    It counts from its second sighting on: once may be chance. ``heal_at`` is when it is healed by
    itself, None for never. ``gone_at``: it was looked for and not found any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32)
    host = models.CharField(max_length=64, blank=True, default="")
    subject = models.CharField(max_length=255)
    sentence = models.TextField()
    held = models.CharField(max_length=255, blank=True, default="")
    facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    first_seen = models.DateTimeField(default=now)
    last_seen = models.DateTimeField(default=now)
    sightings = models.PositiveIntegerField(default=1)
    heal_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    left = models.BooleanField(default=False, help_text="An operator said that it is to stay")
    error = models.TextField(blank=True, default="", help_text="Why it could not be healed")
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = DifferenceQuerySet.as_manager()

    class Meta:
        ordering = ("-first_seen", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=("kind", "host", "subject"),
                condition=models.Q(gone_at=None),
                name="difference_once",
            )
        ]
        indexes = [
            models.Index(fields=["host", "kind"], name="difference_of_host"),
            models.Index(fields=["gone_at", "heal_at"], name="difference_to_heal"),
            models.Index(fields=["-first_seen", "-id"], name="difference_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
