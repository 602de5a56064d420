"""Fences: how each host's power is controlled from outside."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now
from compute.models.host import Host


class FenceKind(models.TextChoices):
    """The ways there are; ``conf.FENCE_DRIVERS`` names their classes."""

    REDFISH = "redfish", "Redfish"
    IPMI = "ipmi", "IPMI"
    MANUAL = "manual", "by hand"
    FAKE = "fake", "fake"


class HostFence(models.Model):
    """How a host is switched off by others; ``password`` is encrypted."""

    host = models.OneToOneField(Host, models.CASCADE, related_name="fence")
    kind = models.CharField(max_length=16, choices=FenceKind.choices)
    address = models.CharField(max_length=255, blank=True, default="")
    user = models.CharField(max_length=255, blank=True, default="")
    password = models.TextField(blank=True, default="", editable=False)
    machine = models.CharField(max_length=255, blank=True, default="")
    verify = models.BooleanField(default=True)
    ca = models.TextField(blank=True, default="")
    power = models.CharField(max_length=16, blank=True, default="", help_text="as it was said last")
    power_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="", help_text="why the last try failed")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("host__name",)

    def __str__(self) -> str:
        return f"fence of {self.host}"
