"""Schedules: when a database is backed up by itself, and which of those backups are kept."""

from __future__ import annotations

from django.db import models

from cloudweb.schedules import Schedule
from databases.models.instances import DatabaseInstance
from databases.querysets import DatabaseBackupScheduleQuerySet


class DatabaseBackupSchedule(Schedule):
    """One database's schedule; it goes with its database, the backups stay."""

    instance = models.ForeignKey(
        DatabaseInstance, on_delete=models.CASCADE, related_name="backup_schedules"
    )

    objects = DatabaseBackupScheduleQuerySet.as_manager()

    class Meta(Schedule.Meta):
        abstract = False
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=("project_id", "-created_at", "-id"), name="db_schedule_newest"),
            models.Index(fields=("enabled", "next_at"), name="db_schedule_due"),
        )
