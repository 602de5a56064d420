"""Claims: what of a host is promised to which server."""

from __future__ import annotations

from typing import Any

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
    cells: models.JSONField[list[dict[str, Any]] | None, list[dict[str, Any]] | None] = (
        models.JSONField(
            null=True, blank=True, help_text="where in the host's NUMA cells, if it asked for that"
        )
    )
    pinned = models.PositiveIntegerField(
        default=0, db_default=0, help_text="processors that nobody else gets"
    )
    group_id = models.UUIDField(null=True, blank=True, help_text="of the server")
    created_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ("-created_at",)
        indexes = [
            models.Index(
                fields=["group_id", "host"],
                condition=models.Q(group_id__isnull=False),
                name="claim_of_group",
            ),
            models.Index(
                fields=["host"], condition=models.Q(cells__isnull=False), name="claim_in_cells"
            ),
        ]

    def __str__(self) -> str:
        return f"server {self.instance_id}"
