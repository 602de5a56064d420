"""The disks of a server."""

from __future__ import annotations

from django.db import models

from instances.block_devices import DestinationType, SourceType


class BlockDevice(models.Model):
    """A disk of a server: what it is made from (``source_id`` of that type), and where it lies.

    It boots from the one whose ``boot_index`` is 0; None is no disk to boot from. ``size`` 0: as large
    as its source.
    """

    instance = models.ForeignKey(
        "instances.Instance",
        models.CASCADE,
        related_name="block_devices",
        db_index=False,  # block_device_boot_index begins with it
    )
    source_type = models.CharField(max_length=8, choices=SourceType.choices)
    source_id = models.UUIDField(null=True, blank=True)
    destination_type = models.CharField(max_length=6, choices=DestinationType.choices)
    boot_index = models.PositiveSmallIntegerField(null=True, blank=True)
    size = models.PositiveIntegerField(default=0, help_text="GiB")
    delete_on_termination = models.BooleanField(default=True)
    tag = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        ordering = ("instance_id", models.F("boot_index").asc(nulls_last=True), "id")
        constraints = [
            models.UniqueConstraint(
                fields=("instance", "boot_index"), name="block_device_boot_index"
            )
        ]

    def __str__(self) -> str:
        return f"{self.instance_id}: {self.source_type} {self.source_id} ({self.destination_type})"
