"""Backups: what a volume held at one moment, kept in a store."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from volume.models.backup_schedule import BackupSchedule
from volume.querysets import BackupQuerySet
from volume.states import BackupStatus


class BackupLineage(models.Model):
    """A full backup and the incremental ones after it: they share chunks, so a store and a key.

    ``encrypted_key`` (cloudweb/encryption.py) is empty where chunks are not encrypted; ``block_size`` is
    bytes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    store = models.CharField(max_length=32)
    block_size = models.PositiveIntegerField()
    encrypted_key = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return f"backups in {self.store} ({self.id})"


class Backup(models.Model):
    """One backup; ``size`` is the volume's, in GiB, the other sizes are bytes.

    Volume, snapshot and parent are bare ids: they may be gone. ``ticket`` is drawn for each transfer:
    what was signed with another is void. ``sha256`` is its manifest's, ``content`` the digest over all
    blocks. ``volume_facts`` are columns that a volume restored from it has, too; ``volume_type_id`` is there
    where the volume was encrypted: what it held goes to encrypted ones alone. ``proven_at`` is when it
    was last restored and found right, ``proof_fault`` why it was not.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    volume_id = models.UUIDField()
    snapshot_id = models.UUIDField(null=True, blank=True)
    lineage = models.ForeignKey(BackupLineage, on_delete=models.PROTECT, related_name="backups")
    parent_id = models.UUIDField(null=True, blank=True)
    schedule = models.ForeignKey(
        BackupSchedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="backups"
    )
    size = models.PositiveIntegerField(help_text="GiB")
    status = models.CharField(
        max_length=20, choices=BackupStatus.choices, default=BackupStatus.CREATING
    )
    zone = models.CharField(max_length=255, blank=True, default="")
    metadata: models.JSONField[dict[str, str]] = models.JSONField(default=dict, blank=True)
    volume_facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict, blank=True)
    volume_type_id = models.UUIDField(null=True, blank=True)
    fail_reason = models.TextField(blank=True, default="")
    fault_detail = models.TextField(blank=True, default="")
    ticket = models.CharField(max_length=64, blank=True, default="")

    sha256 = models.CharField(max_length=64, blank=True, default="")
    content = models.CharField(max_length=64, blank=True, default="")
    chunks = models.PositiveIntegerField(default=0, help_text="written by this backup")
    changed_bytes = models.BigIntegerField(default=0)
    stored_bytes = models.BigIntegerField(default=0)

    proof_tried_at = models.DateTimeField(null=True, blank=True)
    proven_at = models.DateTimeField(null=True, blank=True)
    proof_fault = models.TextField(blank=True, default="")

    data_at = models.DateTimeField(default=now)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(null=True, blank=True)

    objects = BackupQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="backup_newest"),
            models.Index(fields=["-created_at", "-id"], name="backup_all_newest"),
            models.Index(fields=["volume_id", "-data_at"], name="backup_of_volume"),
            models.Index(fields=["status", "proof_tried_at"], name="backup_proofs"),
        ]

    def __str__(self) -> str:
        return f"{self.name or ''} ({self.id})"

    @property
    def is_incremental(self) -> bool:
        """Tell whether it shares chunks with one before it."""
        return self.parent_id is not None
