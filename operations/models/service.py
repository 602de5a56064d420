"""A service that reports: an agent on a host, or a control worker."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now


class Service(models.Model):
    """One topic somebody consumes; ``operations.services`` judges whether it is up.

    A host's ``last_seen_at`` is when it sent its newest report, in the database's time. Four of the
    times below are a control worker's, about its own marks among the reports.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField(
        unique=True
    )  # the API's integer id below microversion 2.53
    topic = models.CharField(max_length=96, unique=True)
    domain = models.CharField(max_length=32)
    host = models.CharField(max_length=64)
    version = models.CharField(max_length=32, blank=True)
    speaks: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    boot_id = models.CharField(max_length=64, blank=True)
    seq = models.BigIntegerField(default=0)
    up_since = models.DateTimeField(null=True, blank=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="what was put in its queue before this it had taken, as it said last",
    )
    inbox_read_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when the newest of its own marks in the inbox was put there",
    )
    mark_read_at = models.DateTimeField(
        null=True, blank=True, help_text="when that mark was read again"
    )
    silent_before = models.DateTimeField(
        null=True, blank=True, help_text="hosts that sent nothing since then are down"
    )
    grace_until = models.DateTimeField(
        null=True, blank=True, help_text="until then hosts get time, for the inbox was not read"
    )
    is_up = models.BooleanField(default=False)  # what was last announced, for host.up and host.down
    forced_down = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("topic",)
        indexes = [
            models.Index(fields=["host"], name="service_host"),
            models.Index(
                fields=["silent_before"],
                condition=models.Q(silent_before__isnull=False),
                name="service_silence",
            ),
        ]

    def __str__(self) -> str:
        return self.topic
