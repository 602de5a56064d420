"""The one counter of the cloud."""

from __future__ import annotations

from django.db import models


class EpochCounter(models.Model):
    """A single row, from which SQLite draws; PostgreSQL has a sequence beside it.

    ``restored_at`` is when hosts were last told all anew because they knew more than the database.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = models.BigIntegerField(default=0)
    restored_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.value)
