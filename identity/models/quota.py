"""Quotas that were changed from their defaults."""

from __future__ import annotations

from django.db import models


class ProjectQuota(models.Model):
    """One service's limits for one project; its row is the lock under which usage is counted.

    The project is a bare id: a quota outlives nothing and owns nothing.
    """

    project_id = models.CharField(max_length=64)
    service = models.CharField(max_length=32)
    limits = models.JSONField(blank=True, default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project_id", "service"], name="quota_once")]

    def __str__(self) -> str:
        return f"{self.service} quota of {self.project_id}"
