"""Shelves."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from tests.example.querysets import ShelfQuerySet
from tests.example.states import BUILDING


class Shelf(models.Model):
    """A shelf of a project."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    status = models.CharField(max_length=16, default=BUILDING)
    boards = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = ShelfQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "shelves"
        indexes = (models.Index(fields=("project_id", "created_at", "id"), name="shelf_listed"),)

    def __str__(self) -> str:
        return self.name
