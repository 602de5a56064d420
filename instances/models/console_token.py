"""Tokens that open a console: kept as a digest, good once, for one server, for a short time."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now


class ConsoleToken(models.Model):
    """What lets its holder look at a console.

    ``began_at`` is when the first of a row of tokens was drawn: who looks is given the next one, to come
    back with when the line broke.
    """

    digest = models.CharField(max_length=64, unique=True)
    instance_id = models.UUIDField()
    kind = models.CharField(max_length=8)
    user_id = models.CharField(max_length=64)
    project_id = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    began_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=["expires_at"], name="console_token_expiry")]

    def __str__(self) -> str:
        return f"{self.kind} console of {self.instance_id}"
