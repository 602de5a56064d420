"""Who signs the certificates of a project's databases."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now


class ProjectAuthority(models.Model):
    """One for each project that has databases: ``pem`` is key and certificate, encrypted."""

    project_id = models.CharField(max_length=64, primary_key=True)
    pem = models.TextField()
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name_plural = "project authorities"

    def __str__(self) -> str:
        return f"authority of {self.project_id}"
