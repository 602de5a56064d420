"""Endpoint groups: endpoints of one service, region or interface, for the catalogs of some projects."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.project import Project


class EndpointGroup(models.Model):
    """The endpoints that have all that ``filters`` says: service_id, region_id, interface."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    filters = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    projects: models.ManyToManyField[Project, models.Model] = models.ManyToManyField(
        Project, related_name="endpoint_groups"
    )

    def __str__(self) -> str:
        return self.name
