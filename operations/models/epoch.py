"""The one counter of the cloud."""

from __future__ import annotations

from django.db import models


class EpochCounter(models.Model):
    """A single row, from which SQLite draws; PostgreSQL has a sequence beside it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.value)
