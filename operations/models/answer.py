"""A host's answer to a question that somebody waits for."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now


class Answer(models.Model):
    """Written by the conductor, read and removed by the caller; nobody else touches it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    host = models.CharField(max_length=64)
    body: models.JSONField[dict[str, Any]] = models.JSONField(null=True)
    created_at = models.DateTimeField(default=now, db_index=True)

    def __str__(self) -> str:
        return str(self.id)
