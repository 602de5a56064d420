"""What a host owes because it was down when something had to be undone on it."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now


class Debt(models.Model):
    """One row of OPERATIONS 5; the payload is ``sealed``, for it may hold what a guest's disks are opened with.

    Rows of an older release have it in ``payload``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=64)
    scope = models.CharField(max_length=96)
    epoch = models.BigIntegerField()
    method = models.CharField(max_length=64)
    payload: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    sealed = models.TextField(default="", db_default="")
    operation_id = models.UUIDField()
    handed_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error_detail = models.TextField(blank=True)
    created_at = models.DateTimeField(default=now)
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at",)
        indexes = [
            models.Index(
                fields=["host"], name="debt_unpaid", condition=models.Q(paid_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.host} owes {self.method} of {self.scope}"
