"""The catalog: which services answer where."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.project import Project


class Region(models.Model):
    """A place; its id is the name clients use."""

    id = models.CharField(primary_key=True, max_length=255)
    description = models.TextField(blank=True, default="")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id


class Service(models.Model):
    """One API, such as compute; libcloud needs its OpenStack name (nova)."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    type = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.type} ({self.name})"


class Endpoint(models.Model):
    """A URL of a service; ``{base}`` and ``{project_id}`` in it are filled in for each caller.

    ``projects`` are those whose catalog is narrowed to what was chosen for them, this one too.
    """

    class Interface(models.TextChoices):
        """Who an endpoint is meant for."""

        PUBLIC = "public"
        INTERNAL = "internal"
        ADMIN = "admin"

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="endpoints")
    region = models.ForeignKey(
        Region, null=True, blank=True, on_delete=models.PROTECT, related_name="endpoints"
    )
    interface = models.CharField(max_length=8, choices=Interface)
    url = models.CharField(max_length=2048)
    name = models.CharField(max_length=255, blank=True, default="")
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    projects: models.ManyToManyField[Project, models.Model] = models.ManyToManyField(
        Project, related_name="endpoints"
    )

    def __str__(self) -> str:
        return f"{self.interface} {self.url}"
