"""The ports of a server: what was asked for, and what came of it."""

from __future__ import annotations

from django.db import models

from instances.block_devices import DiskStatus


class InstancePort(models.Model):
    """A card of a server, in the order of ``position``.

    ``port_id`` is None until the port is made or taken, and again once it is let go. Whether it is
    deleted with the server is told by ``made_here``. Unlike what a port says of its device, these
    rows are nobody's but ours. ``by_admin``: it is made by the rights of an admin.
    """

    instance = models.ForeignKey(
        "instances.Instance",
        models.CASCADE,
        related_name="ports",
        db_index=False,  # instance_port_position begins with it
    )
    position = models.PositiveSmallIntegerField()
    port_id = models.UUIDField(null=True, blank=True)
    network_id = models.UUIDField()
    requested_port_id = models.UUIDField(
        null=True, blank=True, help_text="The port its user brought; others are made"
    )
    fixed_ip = models.CharField(max_length=45, blank=True, default="")
    tag = models.CharField(max_length=60, blank=True, default="")
    by_admin = models.BooleanField(default=False)
    status = models.CharField(
        max_length=16, choices=DiskStatus.choices, default=DiskStatus.ATTACHED
    )

    class Meta:
        ordering = ("instance_id", "position")
        constraints = [
            models.UniqueConstraint(fields=("instance", "position"), name="instance_port_position"),
            models.UniqueConstraint(fields=("port_id",), name="instance_port_of_one"),
        ]

    def __str__(self) -> str:
        return f"{self.instance_id}[{self.position}]: {self.port_id or 'no port yet'}"

    @property
    def made_here(self) -> bool:
        """Tell whether the port was made for the server, and so is deleted with it."""
        return self.requested_port_id is None
