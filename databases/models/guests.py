"""The other side of a guest: its letters."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from databases.models.instances import DatabaseInstance
from databases.states import LetterState


class Letter(models.Model):
    """One order in a guest's mailbox, or a question without an ``operation``.

    ``payload`` is the wire form of what its method takes, encrypted (cloudweb/encryption.py); ``answer``
    that of what the guest said, ``error`` why it could not.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    instance = models.ForeignKey(DatabaseInstance, on_delete=models.CASCADE, related_name="letters")
    operation = models.UUIDField(null=True, blank=True)
    epoch = models.BigIntegerField(default=0)
    method = models.CharField(max_length=64)
    payload = models.TextField()
    state = models.CharField(max_length=16, choices=LetterState.choices, default=LetterState.POSTED)
    answer: models.JSONField[dict[str, Any] | None] = models.JSONField(null=True, blank=True)
    error: models.JSONField[dict[str, str] | None] = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    fetched_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("instance", "state", "created_at"), name="db_letter_waiting"),
        )

    def __str__(self) -> str:
        return f"{self.method} to {self.instance_id}"


class FakeGuest(models.Model):
    """What a guest of a cloud on fake drivers holds: its databases, users and settings."""

    instance = models.OneToOneField(
        DatabaseInstance, on_delete=models.CASCADE, primary_key=True, related_name="fake_guest"
    )
    state: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"fake guest of {self.instance_id}"
