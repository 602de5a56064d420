"""What a POST with an ``Idempotency-Key`` was answered first."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now


class FirstAnswer(models.Model):
    """One row of OPERATIONS 38; ``answer`` is encrypted (it may hold a secret that is told once)."""

    scope = models.CharField(max_length=80)  # "project:<id>", or what else the caller is in
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)  # of method, path, body and caller
    answer = models.TextField()
    size = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="first_answer")]

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"
