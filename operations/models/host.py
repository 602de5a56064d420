"""What proves that a message comes from a host."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now


class HostCredential(models.Model):
    """A host that may join; ``key`` is encrypted (cloudweb/encryption.py), never shown."""

    host = models.CharField(primary_key=True, max_length=64)
    key = models.TextField()
    machine_id = models.CharField(max_length=64, blank=True)
    # the newest report that was taken, so that none is taken twice
    boot_id = models.CharField(max_length=64, blank=True)
    seq = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    clock_ahead = models.FloatField(
        default=0.0,
        help_text="seconds that its clock is ahead of ours; 0 while that is less than 5",
    )
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.host
