"""Host aggregates: hosts that have something in common, said by keys and values."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from compute.models.host import Host


class Aggregate(models.Model):
    """A group of hosts. One with a zone puts its hosts into that availability zone.

    A host is in any number of aggregates, but only in those of one zone.
    """

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=255, unique=True)
    zone = models.CharField(max_length=255, blank=True, default="")
    metadata: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    hosts = models.ManyToManyField(Host, related_name="aggregates", blank=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class HostReservation(models.Model):
    """A project that a reserved host is for; written from its aggregates' metadata, never by hand."""

    host = models.ForeignKey(Host, on_delete=models.CASCADE, related_name="reservations")
    project_id = models.CharField(max_length=64)

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=("host", "project_id"), name="compute_reserved_once")
        ]
        indexes = [models.Index(fields=("project_id",), name="compute_reserved_for")]

    def __str__(self) -> str:
        return f"{self.host} for {self.project_id}"
