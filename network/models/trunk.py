"""Trunks: ports that carry other ports, each as a VLAN of its own."""

from __future__ import annotations

from django.db import models

from network import states
from network.models.port import Port
from network.models.standard import Named
from network.querysets import TrunkQuerySet


class Trunk(Named):
    """A port, the parent, with its subports. Both say in their ``trunk_role`` that they are in one."""

    port = models.OneToOneField(Port, on_delete=models.PROTECT, related_name="trunk")
    admin_state_up = models.BooleanField(default=True)
    status = models.CharField(
        max_length=8, choices=[(s, s) for s in states.TRUNK_STATUSES], default=states.DOWN
    )

    objects = TrunkQuerySet.as_manager()

    class Meta(Named.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="trunk_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="trunk_by_age"),
            models.Index(fields=["created_at", "id"], name="trunk_all_by_age"),
        ]


class Subport(models.Model):
    """A port that a trunk carries, in frames with this VLAN's number."""

    trunk = models.ForeignKey(Trunk, on_delete=models.CASCADE, related_name="subports")
    port = models.OneToOneField(Port, on_delete=models.PROTECT, related_name="subport")
    segmentation_id = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["trunk", "segmentation_id"], name="subport_unique")
        ]

    def __str__(self) -> str:
        return f"VLAN {self.segmentation_id}"
