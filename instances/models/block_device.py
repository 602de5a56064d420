"""The disks of a server."""

from __future__ import annotations

import uuid

from django.db import models

from instances.block_devices import ROOT, DestinationType, DiskStatus, SourceType


class BlockDevice(models.Model):
    """A disk of a server: what it is made from (``source_id`` of that type), and where it lies.

    It boots from the one whose ``boot_index`` is 0; None is no disk to boot from. ``size`` 0: as large
    as its source. ``device`` is the name it is shown by ("vdb"), empty for disks of older servers.
    One in a volume has ``volume_id``, and ``attachment_id`` once the volume is held for the server;
    A guest that was swapped to another volume knows it by the ``serial`` of before (None: the volume's id).
    ``made_here``: the volume was made for this server, of ``volume_type``.
    """

    instance = models.ForeignKey(
        "instances.Instance",
        models.CASCADE,
        related_name="block_devices",
        db_index=False,  # block_device_boot_index begins with it
    )
    source_type = models.CharField(max_length=8, choices=SourceType.choices)
    uuid = models.UUIDField(default=uuid.uuid4, editable=False)
    source_id = models.UUIDField(null=True, blank=True)
    destination_type = models.CharField(max_length=6, choices=DestinationType.choices)
    boot_index = models.PositiveSmallIntegerField(null=True, blank=True)
    size = models.PositiveIntegerField(default=0, help_text="GiB")
    delete_on_termination = models.BooleanField(default=True)
    tag = models.CharField(max_length=60, blank=True, default="")
    volume_id = models.UUIDField(null=True, blank=True)
    attachment_id = models.UUIDField(null=True, blank=True)
    serial = models.UUIDField(null=True, blank=True)
    device = models.CharField(max_length=16, blank=True, default="")
    status = models.CharField(
        max_length=16, choices=DiskStatus.choices, default=DiskStatus.ATTACHED
    )
    made_here = models.BooleanField(default=False)

    class Meta:
        ordering = ("instance_id", models.F("boot_index").asc(nulls_last=True), "id")
        constraints = [
            models.UniqueConstraint(
                fields=("instance", "boot_index"), name="block_device_boot_index"
            ),
            models.UniqueConstraint(
                fields=("instance", "volume_id"), name="block_device_volume_once"
            ),
            models.UniqueConstraint(
                fields=("instance", "device"),
                condition=~models.Q(device=""),
                name="block_device_name_once",
            ),
        ]
        indexes = [models.Index(fields=["volume_id"], name="block_device_volume")]

    def __str__(self) -> str:
        return f"{self.instance_id}: {self.source_type} {self.source_id} ({self.destination_type})"

    @property
    def name(self) -> str:
        """What it is shown by; that of an older server has no other disks."""
        return self.device or ROOT

    @property
    def known_as(self) -> str:
        """The serial by which the guest knows the disk, if it is in a volume."""
        return str(self.serial or self.volume_id)

    @property
    def is_root(self) -> bool:
        """Tell whether the server boots from it."""
        return self.boot_index == 0
