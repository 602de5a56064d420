"""Policies: documents that other services keep here, and which endpoints they are for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from identity.ids import new_id
from identity.models.catalog import Endpoint, Region, Service


class Policy(models.Model):
    """A document that identity stores and never reads."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    type = models.CharField(max_length=255)
    blob = models.TextField()
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class PolicyAssociation(models.Model):
    """The policy of an endpoint, of a service, or of a service in a region; each has one."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="associations")
    endpoint = models.ForeignKey(Endpoint, null=True, on_delete=models.CASCADE, related_name="+")
    service = models.ForeignKey(Service, null=True, on_delete=models.CASCADE, related_name="+")
    region = models.ForeignKey(Region, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint"], name="policy_of_endpoint"),
            models.UniqueConstraint(fields=["service", "region"], name="policy_in_region"),
            models.UniqueConstraint(
                fields=["service"], condition=Q(region__isnull=True), name="policy_of_service"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} of {self.endpoint_id or self.service_id}"
