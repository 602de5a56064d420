"""The agent inside a database's guest: how it is known, and what it said last."""

from __future__ import annotations

from typing import Any

from django.db import models

from databases.models.instances import DatabaseInstance


class GuestAgent(models.Model):
    """One for each instance whose server was given a token.

    Of the token and of the nonce it was used with there are hashes alone; ``key`` is encrypted, as is
    ``next_key``, which takes its place when it is first used. Numbers are the highest that were believed.
    """

    instance = models.OneToOneField(
        DatabaseInstance, on_delete=models.CASCADE, primary_key=True, related_name="agent"
    )
    token_hash = models.CharField(max_length=64)
    token_until = models.DateTimeField()
    nonce_hash = models.CharField(max_length=64, blank=True, default="")
    enrolled_at = models.DateTimeField(null=True, blank=True)
    key = models.TextField(blank=True, default="")
    key_until = models.DateTimeField(null=True, blank=True)
    next_key = models.TextField(blank=True, default="")
    mailbox_number = models.BigIntegerField(default=0)
    word_number = models.BigIntegerField(default=0)
    certified_key = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="SHA-256 of the key that has the last certificate",
    )
    certified_at = models.DateTimeField(null=True, blank=True)
    version = models.CharField(max_length=32, blank=True, default="")
    report: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    reported_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"agent of {self.instance_id}"
