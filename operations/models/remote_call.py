"""What a host had done in the control plane: once, however often it says so."""

from __future__ import annotations

from typing import Any

from django.db import models

from cloudweb.database.clock import now


class RemoteCall(models.Model):
    """Written in one transaction with what was done; who says the same again gets the same answer."""

    host = models.CharField(max_length=64)
    call = models.CharField(max_length=32)
    answer: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "call"], name="remote_call_once"),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.call}"
