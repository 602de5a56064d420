"""What a database held at one moment."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from databases.models.backup_schedules import DatabaseBackupSchedule
from databases.models.datastores import DatastoreVersion
from databases.querysets import DatabaseBackupQuerySet
from databases.states import SETTLED, BackupStatus


class Backup(models.Model):
    """A backup; the instance is a bare id: it may be gone.

    ``kind`` is the datastore's own name for the form, ``size`` is bytes, ``location`` where the store
    keeps it. ``position`` is how far the datastore was, in its own words; ``parts`` are numbers and sizes of what
    the guest sent. A parent is what an incremental one adds to. ``container`` is the project's word for where in
    the store it is, ``taken_at`` when all of it was there. ``ram`` is what its database had (MiB; 0: not known).

    ``digests_proven_at`` is when all that the store has of it was last read and right, ``restore_proven_at`` when
    a database that began with it was; ``proof_fault`` why it cannot be restored, ``proof_note`` why the last
    trial said nothing about it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    description = models.CharField(max_length=255, blank=True, default="")
    instance_id = models.UUIDField()
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    schedule = models.ForeignKey(
        DatabaseBackupSchedule,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="backups",
    )
    version = models.ForeignKey(DatastoreVersion, on_delete=models.PROTECT, related_name="backups")
    kind = models.CharField(max_length=64, blank=True, default="")
    status = models.CharField(max_length=16, choices=BackupStatus.choices, default=BackupStatus.NEW)
    size = models.BigIntegerField(default=0)
    volume_size = models.PositiveIntegerField(help_text="GiB")
    location = models.CharField(max_length=1024, blank=True, default="")
    container = models.CharField(max_length=255, blank=True, default="", db_default="")
    checksum = models.CharField(max_length=128, blank=True, default="")
    position = models.CharField(max_length=255, blank=True, default="")
    parts: models.JSONField[list[tuple[int, int]]] = models.JSONField(default=list, blank=True)
    fault_message = models.TextField(blank=True, default="")
    ram = models.PositiveIntegerField(default=0, db_default=0, help_text="MiB, of its database")
    proof_tried_at = models.DateTimeField(null=True, blank=True)
    restore_tried_at = models.DateTimeField(null=True, blank=True)
    digests_proven_at = models.DateTimeField(null=True, blank=True)
    restore_proven_at = models.DateTimeField(null=True, blank=True)
    proof_fault = models.TextField(blank=True, default="", db_default="")
    proof_note = models.TextField(blank=True, default="", db_default="")
    taken_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    objects = DatabaseBackupQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("project_id", "created_at", "id"), name="db_backup_listed"),
            models.Index(fields=("instance_id", "status"), name="db_backup_of_instance"),
            models.Index(fields=("status", "proof_tried_at"), name="db_backup_proofs"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def chain(self) -> list[Backup]:
        """Return what it adds to, the full one first, and itself."""
        found = [self]
        while found[0].parent is not None:
            found.insert(0, found[0].parent)
        return found

    @property
    def is_running(self) -> bool:
        """Tell whether it is being made or removed."""
        return self.status not in SETTLED
