"""Schedules: when a volume is backed up by itself, and which of those backups are kept."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from volume.models.volume import Volume
from volume.querysets import BackupScheduleQuerySet


class BackupSchedule(models.Model):
    """One volume's schedule: a backup every ``interval`` hours, each ``full_every``-th a full one (0: the first alone).

    Kept are the last ``keep_last``, and the newest of each of so many days, weeks and months; the others
    of this schedule are deleted. ``next_at`` is when the next one is due.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    volume = models.ForeignKey(Volume, on_delete=models.CASCADE, related_name="backup_schedules")
    enabled = models.BooleanField(default=True)
    interval = models.PositiveIntegerField(help_text="hours")
    full_every = models.PositiveIntegerField(default=0)
    encrypted = models.BooleanField(default=False)
    keep_last = models.PositiveIntegerField(default=7)
    keep_daily = models.PositiveIntegerField(default=0)
    keep_weekly = models.PositiveIntegerField(default=0)
    keep_monthly = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=now)
    last_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = BackupScheduleQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="schedule_newest"),
            models.Index(fields=["enabled", "next_at"], name="schedule_due"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"
