"""The log of a database, kept as its guest sends it: between two backups one can go back to any moment."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now


class LogArchive(models.Model):
    """The log of one instance (a bare id: it may be gone, its backups stay); its guest writes while ``enabled``.

    ``writing`` is the number of the piece that it sent last, named or not.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    instance_id = models.UUIDField(unique=True)
    volume_size = models.PositiveIntegerField(help_text="GiB")
    enabled = models.BooleanField(default=False)
    writing = models.PositiveIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        indexes = (models.Index(fields=("project_id",), name="db_log_of_project"),)

    def __str__(self) -> str:
        return f"log of {self.instance_id}"


class LogPiece(models.Model):
    """All that was written between two positions (bytes of the log), and a commit after ``until``.

    ``run`` differs where a piece does not follow the one before; ``until`` is null where more waited.
    ``draw`` tells the data in the store from others that were sent under this number.
    """

    archive = models.ForeignKey(LogArchive, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    run = models.CharField(max_length=32)
    begins = models.BigIntegerField()
    ends = models.BigIntegerField()
    until = models.DateTimeField(null=True, blank=True)
    size = models.BigIntegerField()
    draw = models.CharField(max_length=32)
    checksum = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("archive", "number"), name="one_db_log_piece"),
        )

    def __str__(self) -> str:
        return f"{self.archive_id}/{self.number}"
