"""Projects: what owns resources."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.domain import Domain


class Project(models.Model):
    """A tenant; ``extra`` keeps attributes that clients invented."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="projects")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    name = models.CharField(max_length=64)
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    immutable = models.BooleanField(default=False)
    tags = models.JSONField(blank=True, default=list)
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "domain"], name="project_name_in_domain")
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="projects_in_order"),
            models.Index(fields=["domain", "created_at", "id"], name="projects_of_domain_in_order"),
        ]

    def __str__(self) -> str:
        return self.name
