"""QoS specs: what volumes of a type are held to."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now


class QosConsumer(models.TextChoices):
    """Who holds them to it: the hypervisor (front-end), the storage (back-end) or both."""

    FRONT_END = "front-end", "front-end"
    BACK_END = "back-end", "back-end"
    BOTH = "both", "both"


class QosSpec(models.Model):
    """Free keys such as ``total_iops_sec``, for all volumes of the types that refer to them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255, unique=True)
    consumer = models.CharField(
        max_length=9, choices=QosConsumer.choices, default=QosConsumer.BACK_END
    )
    specs: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.name
