"""Agents: what the volume agent of each host last said that operators must see."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now


class Agent(models.Model):
    """A host's volume agent. Whether it is up is its service's to say (``operations.services``).

    ``problems`` are sentences. ``strays`` are names of what lies in its back ends and is no volume's;
    ``unknown`` is what looks like ours and no row knows: shown, and never removed by itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=64, unique=True)
    problems: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    strays: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    unknown: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now, help_text="when it last said something else")

    class Meta:
        ordering = ("host",)

    def __str__(self) -> str:
        return self.host
