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
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return self.host
