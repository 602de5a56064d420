"""Claims: what of a host is promised to which server."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now
from compute.models.host import Host


class Claim(models.Model):
    """The part of a host that one server holds; a server has at most one."""

    instance_id = models.UUIDField(unique=True)
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="claims")
    project_id = models.CharField(max_length=64)
    vcpus = models.PositiveIntegerField()
    ram = models.PositiveIntegerField(help_text="MiB")
    disk = models.PositiveIntegerField(help_text="GiB")
    group_id = models.UUIDField(null=True, blank=True, help_text="of the server")
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("-created_at",)
        indexes = [
            models.Index(
                fields=["group_id", "host"],
                condition=models.Q(group_id__isnull=False),
                name="claim_of_group",
            )
        ]

    def __str__(self) -> str:
        return f"server {self.instance_id}"
