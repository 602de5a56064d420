"""Public keys that a user lets into its servers."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now


class KeyPair(models.Model):
    """A key of a user, not of a project; its private half is never kept."""

    user_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=8, default="ssh")
    public_key = models.TextField()
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=("user_id", "name"), name="key_pair_name")]

    def __str__(self) -> str:
        return self.name
