"""Networks."""

from __future__ import annotations

from django.db import models

from network import states
from network.models.qos import QosPolicy
from network.models.standard import Shareable
from network.querysets import NetworkQuerySet
from network.strategies import STRATEGIES, Strategy


class NetworkKind(models.TextChoices):
    """How hosts build a network."""

    ISOLATED = "isolated"  # a bridge and a namespace of its own on each host
    FLAT = "flat"  # the provider's wire
    VLAN = "vlan"  # a number on the provider's wire
    VXLAN = "vxlan"  # a number in tunnels between hosts


class Network(Shareable):
    """A layer-2 network.

    ``wiring_revision`` grows with every change that hosts must know, of the network or its subnets;
    the row is locked by raising it, so whoever changes subnets does that first. ``kind``,
    ``physical_network`` and ``segmentation_id`` are its segment: what tells its wire from others.
    ``shared``: with all projects, which policies say, too (``network/sharing.py``).
    """

    kind = models.CharField(
        max_length=16, choices=NetworkKind.choices, default=NetworkKind.ISOLATED
    )
    physical_network = models.CharField(max_length=64, blank=True, default="")
    segmentation_id = models.PositiveIntegerField(null=True, blank=True)
    segment_name = models.CharField(max_length=255, blank=True, default="")
    segment_description = models.CharField(max_length=255, blank=True, default="")
    shared = models.BooleanField(default=False)
    external = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    admin_state_up = models.BooleanField(default=True)
    port_security_enabled = models.BooleanField(default=True)
    mtu = models.PositiveIntegerField(default=1500)
    dns_domain = models.CharField(max_length=255, blank=True, default="")
    availability_zone_hints = models.JSONField(default=list, blank=True)
    qos_policy = models.ForeignKey(
        QosPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="networks"
    )
    wiring_revision = models.PositiveIntegerField(default=1, editable=False)

    objects = NetworkQuerySet.as_manager()

    class Meta(Shareable.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="network_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="network_by_age"),
            models.Index(fields=["created_at", "id"], name="network_all_by_age"),
            models.Index(fields=["shared"], name="network_by_shared"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["physical_network"],
                condition=models.Q(kind=NetworkKind.FLAT),
                name="network_one_flat_per_wire",
            ),
            models.UniqueConstraint(
                fields=["physical_network", "segmentation_id"],
                condition=models.Q(kind=NetworkKind.VLAN),
                name="network_one_of_vlan",
            ),
            models.UniqueConstraint(
                fields=["segmentation_id"],
                condition=models.Q(kind=NetworkKind.VXLAN),
                name="network_one_of_tunnel",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=(NetworkKind.VLAN, NetworkKind.VXLAN), segmentation_id__isnull=False
                )
                | models.Q(
                    kind__in=(NetworkKind.ISOLATED, NetworkKind.FLAT), segmentation_id__isnull=True
                ),
                name="network_number_by_kind",
            ),
        ]

    @property
    def strategy(self) -> Strategy:
        """What its type can do."""
        return STRATEGIES[self.kind]

    @property
    def is_shared(self) -> bool:
        """Tell whether the caller's project is among those that share it; of a new row, whether all are."""
        return bool(self.__dict__.get("shared_here", self.shared))

    def address_scope(self, version: int) -> str | None:
        """Return the scope of its addresses of an IP version, by the pool that its subnets are of."""
        for subnet in self.subnets.all():
            pool = subnet.subnet_pool
            if subnet.ip_version == version and pool is not None and pool.address_scope_id:
                return str(pool.address_scope_id)
        return None

    @property
    def is_reachable(self) -> bool:
        """Tell whether its addresses can be reached from outside; others only get out, by NAT."""
        return self.kind == NetworkKind.FLAT or self.external

    @property
    def status(self) -> str:
        """ACTIVE, or DOWN when its owner switched it off."""
        return states.ACTIVE if self.admin_state_up else states.DOWN
