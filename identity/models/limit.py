"""Unified limits: how much of a service's resource a project or a domain may use."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from identity.ids import new_id
from identity.models.catalog import Region, Service
from identity.models.domain import Domain
from identity.models.project import Project


class RegisteredLimit(models.Model):
    """A resource of a service, with the limit of whoever has none of his own."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="limits")
    region = models.ForeignKey(
        Region, null=True, blank=True, on_delete=models.PROTECT, related_name="limits"
    )
    resource_name = models.CharField(max_length=255)
    default_limit = models.BigIntegerField()
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "region", "resource_name"], name="registered_limit_once"
            ),
            models.UniqueConstraint(
                fields=["service", "resource_name"],
                condition=Q(region__isnull=True),
                name="registered_limit_once_everywhere",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_name}: {self.default_limit}"


class Limit(models.Model):
    """The limit of one project or domain."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    registered_limit = models.ForeignKey(
        RegisteredLimit, on_delete=models.PROTECT, related_name="limits"
    )
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="limits"
    )
    domain = models.ForeignKey(
        Domain, null=True, blank=True, on_delete=models.CASCADE, related_name="limits"
    )
    resource_limit = models.BigIntegerField()
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["registered_limit", "project"], name="limit_of_project_once"
            ),
            models.UniqueConstraint(
                fields=["registered_limit", "domain"], name="limit_of_domain_once"
            ),
            models.CheckConstraint(
                condition=Q(project__isnull=True) ^ Q(domain__isnull=True), name="limit_of_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project_id or self.domain_id}: {self.resource_limit}"
