"""Pools: where volumes are kept."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.querysets import PoolQuerySet


class Pool(models.Model):
    """One pool of one back end of one host, as its host reports it. Sizes are GiB.

    ``provisioned`` is the sum of its volumes' sizes, kept by the statements that claim and release,
    so that two creators never get the same room. A ratio of None is the setting's. ``storage_id`` is the
    same for pools that are one storage; ``problem`` is why it takes nothing new.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=64)
    backend = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    driver = models.CharField(max_length=64, blank=True, default="")
    protocol = models.CharField(max_length=32, blank=True, default="")
    zone = models.CharField(max_length=255, blank=True, default="")
    total = models.FloatField(default=0, help_text="GiB")
    free = models.FloatField(default=0, help_text="GiB, as last reported")
    provisioned = models.PositiveBigIntegerField(default=0, help_text="GiB promised to volumes")
    capabilities: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    ratio = models.FloatField(
        null=True, blank=True, help_text="How many times over the capacity may be promised"
    )
    storage_id = models.CharField(max_length=255, blank=True, default="")
    problem = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=255, blank=True, default="")
    frozen = models.BooleanField(default=False)
    reported_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)

    objects = PoolQuerySet.as_manager()

    class Meta:
        ordering = ("host", "backend", "name")
        constraints = [
            models.UniqueConstraint(fields=("host", "backend", "name"), name="volume_pool_once")
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        """What the API calls it: ``h1@file#default``."""
        return f"{self.host}@{self.backend}#{self.name}"
