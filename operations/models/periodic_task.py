"""A periodic task of a manager or of a host's agent: how often, when next, how it went."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now


class PeriodicTask(models.Model):
    """One task of the control plane (``host`` is empty), or of one host.

    Whoever runs a manager's task holds the row's lease; a claim sets the next run in the same statement,
    so that a task runs once an interval. A host runs its own and reports how that went.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=96)
    host = models.CharField(max_length=64, blank=True)
    does = models.CharField(max_length=300, blank=True)
    default_every = models.PositiveIntegerField()  # seconds, as the code says
    every = models.PositiveIntegerField(null=True, blank=True)  # as an operator says
    paused = models.BooleanField(default=False)
    # runs that operators asked for, and the newest of them that was begun
    asked = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    owner = models.CharField(max_length=32, blank=True)  # of the lease: one run
    lease_until = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)  # the last run that ended took
    runs = models.PositiveBigIntegerField(default=0)
    error = models.TextField(blank=True)  # the last one; operators alone
    error_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(default=now)  # when its code was last there

    class Meta:
        ordering = ("name", "host")
        constraints = [models.UniqueConstraint(fields=["name", "host"], name="periodic_task_place")]
        indexes = [models.Index(fields=["host"], name="periodic_task_host")]

    def __str__(self) -> str:
        return f"{self.name} on {self.host}" if self.host else self.name

    @property
    def interval(self) -> int:
        """The seconds between two runs that are in force."""
        return self.every or self.default_every
