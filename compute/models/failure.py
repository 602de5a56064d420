"""Failures of hosts: since when one said nothing, what proves that it is dead, what was on it."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now


class ProofKind(models.TextChoices):
    """What a host is believed dead by."""

    FENCED = "fenced", "its power control says that it is off"
    CONFIRMED = "confirmed", "an operator confirmed that it is off"
    LEASE = "lease", "it has stopped its guests by itself: it heard nothing for too long"


class HostFailure(models.Model):
    """One death of a host that was proven; it counts until the host says something again.

    ``silent_at`` is when it was heard last before, ``servers`` are the ids of those that it held then.
    """

    host = models.CharField(max_length=64)
    proof = models.CharField(max_length=16, choices=ProofKind.choices)
    proved_at = models.DateTimeField(default=now)
    silent_at = models.DateTimeField(null=True, blank=True)
    user_id = models.CharField(max_length=64, blank=True, default="")
    reason = models.CharField(max_length=255, blank=True, default="")
    servers: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    returned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-proved_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=("host",),
                condition=models.Q(returned_at__isnull=True),
                name="host_failure_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"failure of {self.host}"
