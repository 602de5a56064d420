"""Who takes over from a source that fails: what its tenant asked for, and what came of it each time."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from databases.models.instances import DatabaseInstance
from databases.states import FailoverState


class FailoverWatch(models.Model):
    """A source that a replica shall take over from by itself; who takes over is watched in its place.

    It is to be ill for ``after`` seconds on end: ``ill_since`` is when that was seen first, ``looked_at`` when it
    was looked last.
    """

    instance = models.OneToOneField(
        DatabaseInstance, on_delete=models.CASCADE, primary_key=True, related_name="failover_watch"
    )
    after = models.PositiveIntegerField(help_text="seconds")
    ill_since = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"watch over {self.instance_id}"


class Failover(models.Model):
    """One time that a replica took, or should have taken, over from a source; both are bare ids: they may be gone.

    ``reason`` says why, ``fenced_by`` what proved that the source writes no more, ``position`` how far the new one
    was. ``to_follow`` are those that have still to be told of it: id -> how often that was tried; ``to_stop``
    says that the old source's server, of whose host nothing was heard, is stopped as soon as that is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    operation = models.UUIDField(null=True, blank=True)
    source_id = models.UUIDField()
    source_name = models.CharField(max_length=255)
    winner_id = models.UUIDField(null=True, blank=True)
    winner_name = models.CharField(max_length=255, blank=True, default="")
    automatic = models.BooleanField(default=False)
    state = models.CharField(
        max_length=16, choices=FailoverState.choices, default=FailoverState.FENCING
    )
    reason = models.CharField(max_length=255)
    fenced_by = models.CharField(max_length=255, blank=True, default="")
    position = models.CharField(max_length=255, blank=True, default="")
    error = models.TextField(blank=True, default="")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.CharField(max_length=64, blank=True, default="")
    confirmed_reason = models.CharField(max_length=255, blank=True, default="")
    to_follow: models.JSONField[dict[str, int]] = models.JSONField(default=dict, blank=True)
    to_stop = models.BooleanField(default=False, db_default=False)
    called_off = models.BooleanField(default=False, db_default=False)
    begun_at = models.DateTimeField(default=now, editable=False)
    fenced_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-begun_at",)
        indexes = (
            models.Index(fields=("source_id", "begun_at"), name="db_failover_of_source"),
            models.Index(fields=("winner_id", "begun_at"), name="db_failover_of_winner"),
        )

    def __str__(self) -> str:
        return f"failover of {self.source_name}"
