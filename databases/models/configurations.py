"""Groups of parameters that instances take their settings from."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from databases.models.datastores import DatastoreVersion
from databases.querysets import DatabaseConfigurationQuerySet


class Configuration(models.Model):
    """Values for parameters of one datastore version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    description = models.CharField(max_length=255, blank=True, default="")
    version = models.ForeignKey(
        DatastoreVersion, on_delete=models.PROTECT, related_name="configurations"
    )
    values: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    objects = DatabaseConfigurationQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("project_id", "created_at", "id"), name="db_configuration_listed"),
        )

    def __str__(self) -> str:
        return self.name
