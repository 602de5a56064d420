"""What made tokens void before their time, and the counter every request reads."""

from __future__ import annotations

from django.db import models


class RevocationCounter(models.Model):
    """One row: how many revocations there were.

    ``stamp`` is drawn anew with each, so that a process that cached the list also notices a
    database that was put back to an earlier state.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(default=0)
    stamp = models.CharField(max_length=32, blank=True, default="")

    def __str__(self) -> str:
        return str(self.number)


class Revocation(models.Model):
    """Voids tokens issued before ``number`` that answer to ``key`` (identity/revocations.py)."""

    number = models.BigIntegerField(unique=True)
    key = models.CharField(max_length=512)
    stamp = models.CharField(max_length=32, blank=True, default="")  # the counter's at that number
    forget_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"revocation {self.number}"
