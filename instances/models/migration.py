"""Migrations: servers that got another size, another host, or both."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from instances.migration_states import LIVE, MigrationStatus, MigrationType
from instances.querysets import MigrationQuerySet


class Migration(models.Model):
    """A resize, cold or live migration of a server, as it was asked for, and how far it came.

    ``old`` and ``new`` are the columns of the server's row that say its flavor. ``uuid`` holds the place
    on the new host until it is decided. ``vm_state`` is the server's from before. Of a live one, ``plan`` is
    how it is done and what hosts said before, ``progress`` what its host told last, ``has_it`` who has the
    guest once that is known.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    instance = models.ForeignKey(
        "instances.Instance",
        models.CASCADE,
        related_name="migrations",
        db_index=False,  # migration_of_server begins with it
    )
    migration_type = models.CharField(max_length=16, choices=MigrationType.choices)
    status = models.CharField(
        max_length=16, choices=MigrationStatus.choices, default=MigrationStatus.PRE_MIGRATING
    )
    source_host = models.CharField(max_length=64)
    dest_host = models.CharField(max_length=64, blank=True, default="")
    source_zone = models.CharField(max_length=255, blank=True, default="")
    dest_zone = models.CharField(max_length=255, blank=True, default="")
    wanted_host = models.CharField(max_length=64, blank=True, default="")
    vm_state = models.CharField(max_length=16)
    old: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    new: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    offer: models.JSONField[dict[str, Any]] = models.JSONField(
        default=dict, help_text="where the new host reads the disks"
    )
    plan: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, db_default={})
    progress: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, db_default={})
    called_off = models.BooleanField(default=False, db_default=False)
    has_it = models.CharField(
        max_length=11,
        blank=True,
        default="",
        db_default="",
        help_text="source or destination, once it is known",
    )
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True, default="")
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    objects = MigrationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=("instance",),
                condition=models.Q(status__in=sorted(LIVE)),
                name="migration_one_at_a_time",
            )
        ]
        indexes = [
            models.Index(fields=["instance", "-created_at"], name="migration_of_server"),
            models.Index(fields=["-created_at", "-id"], name="migration_newest"),
            models.Index(fields=["status", "updated_at"], name="migration_status"),
        ]

    def __str__(self) -> str:
        return f"{self.migration_type} {self.id} of {self.instance_id}"

    @property
    def stays(self) -> bool:
        """Tell whether the server stays on its host."""
        return self.source_host == self.dest_host
