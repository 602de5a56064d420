"""Groups of servers that are to be together or apart."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from instances.querysets import ServerGroupQuerySet


class ServerGroupPolicy(models.TextChoices):
    """Where the servers of a group go."""

    AFFINITY = "affinity", "all on one host"
    ANTI_AFFINITY = "anti-affinity", "each on a host of its own"
    SOFT_AFFINITY = "soft-affinity", "together where there is room"
    SOFT_ANTI_AFFINITY = "soft-anti-affinity", "apart where there are hosts"


class ServerGroup(models.Model):
    """A group of a project; its servers are those whose row names it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    policy = models.CharField(max_length=20, choices=ServerGroupPolicy.choices)
    max_server_per_host = models.PositiveIntegerField(
        null=True, blank=True, help_text="of an anti-affinity; empty: one"
    )
    created_at = models.DateTimeField(default=now)

    objects = ServerGroupQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        indexes = [
            models.Index(fields=["project_id", "created_at", "id"], name="server_group_of_project")
        ]

    def __str__(self) -> str:
        return self.name
