"""Networks."""

from __future__ import annotations

from django.db import models

from network import states
from network.models.standard import Named
from network.querysets import NetworkQuerySet


class NetworkKind(models.TextChoices):
    """How hosts build a network."""

    ISOLATED = "isolated"  # a bridge and a namespace of its own on each host
    FLAT = "flat"  # the provider's wire


class Network(Named):
    """A layer-2 network.

    ``wiring_revision`` grows with every change that hosts must know, of the network or its subnets;
    the row is locked by raising it, so whoever changes subnets does that first.
    """

    kind = models.CharField(
        max_length=16, choices=NetworkKind.choices, default=NetworkKind.ISOLATED
    )
    physical_network = models.CharField(max_length=64, blank=True, default="")
    shared = models.BooleanField(default=False)
    external = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    admin_state_up = models.BooleanField(default=True)
    port_security_enabled = models.BooleanField(default=True)
    mtu = models.PositiveIntegerField(default=1500)
    dns_domain = models.CharField(max_length=255, blank=True, default="")
    availability_zone_hints = models.JSONField(default=list, blank=True)
    wiring_revision = models.PositiveIntegerField(default=1, editable=False)

    objects = NetworkQuerySet.as_manager()

    class Meta(Named.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="network_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="network_by_age"),
            models.Index(fields=["created_at", "id"], name="network_all_by_age"),
            models.Index(fields=["shared"], name="network_by_shared"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["physical_network"],
                condition=~models.Q(physical_network=""),
                name="network_one_flat_per_wire",
            )
        ]

    @property
    def is_reachable(self) -> bool:
        """Tell whether its addresses can be reached from outside; others only get out, by NAT."""
        return self.kind == NetworkKind.FLAT or self.external

    @property
    def status(self) -> str:
        """ACTIVE, or DOWN when its owner switched it off."""
        return states.ACTIVE if self.admin_state_up else states.DOWN
