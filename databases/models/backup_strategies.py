"""Where backups are stored: a container for those of a project, or of one instance."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now
from databases.querysets import BackupStrategyQuerySet


class BackupStrategy(models.Model):
    """One project's container, or that of one of its instances ("" is all of them)."""

    project_id = models.CharField(max_length=64)
    instance_id = models.CharField(max_length=36, blank=True, default="")
    container = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = BackupStrategyQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("project_id", "instance_id"), name="one_db_backup_strategy"
            ),
        )

    def __str__(self) -> str:
        return f"{self.container} of {self.instance_id or self.project_id}"
