"""Schedules: when a volume is backed up by itself, and which of those backups are kept."""

from __future__ import annotations

from django.db import models

from cloudweb.schedules import Schedule
from volume.models.volume import Volume
from volume.querysets import BackupScheduleQuerySet


class BackupSchedule(Schedule):
    """One volume's schedule."""

    volume = models.ForeignKey(Volume, on_delete=models.CASCADE, related_name="backup_schedules")
    encrypted = models.BooleanField(default=False)

    objects = BackupScheduleQuerySet.as_manager()

    class Meta(Schedule.Meta):
        abstract = False
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="schedule_newest"),
            models.Index(fields=["enabled", "next_at"], name="schedule_due"),
        ]
