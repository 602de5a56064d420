"""One change that somebody tried."""

from __future__ import annotations

import uuid

from django.db import models

from audit.querysets import RecordQuerySet
from cloudweb.database.clock import now


class Outcome(models.TextChoices):
    """How it ended."""

    SUCCESS = "success", "done"
    REFUSED = "refused", "refused"
    FAILED = "failed", "failed"


class Origin(models.TextChoices):
    """The front door it came through; none for a command on the machine itself."""

    API = "api", "API"
    DASHBOARD = "dashboard", "dashboard"
    ADMIN = "admin", "operator console"


class Record(models.Model):
    """Written once; names are kept as they were.

    Only a log-in that failed counts on while it repeats (audit/repetitions.py), until ``last_at``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=now)
    request_id = models.CharField(max_length=64, blank=True)
    user_id = models.CharField(max_length=64, blank=True)
    user_name = models.CharField(max_length=255, blank=True)
    user_domain_id = models.CharField(max_length=64, blank=True)
    project_id = models.CharField(max_length=64, blank=True)
    domain_id = models.CharField(max_length=64, blank=True)
    is_system_scope = models.BooleanField(default=False)
    remote_address = models.CharField(max_length=64, blank=True)
    origin = models.CharField(max_length=9, choices=Origin.choices, blank=True)
    action = models.CharField(max_length=96)
    target_kind = models.CharField(max_length=48, blank=True)
    target_id = models.CharField(max_length=255, blank=True)
    target_name = models.CharField(max_length=255, blank=True)
    outcome = models.CharField(max_length=7, choices=Outcome.choices)
    code = models.CharField(max_length=64, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=255, blank=True)
    count = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField(null=True, blank=True)

    objects = RecordQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="record_newest"),
            models.Index(fields=["project_id", "-created_at", "-id"], name="record_project"),
            models.Index(fields=["user_id", "-created_at", "-id"], name="record_user"),
            models.Index(fields=["user_name", "-created_at", "-id"], name="record_user_name"),
            models.Index(fields=["target_id", "-created_at", "-id"], name="record_target"),
            models.Index(fields=["request_id"], name="record_request"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.outcome}"
