"""Ports: where a device meets a network."""

from __future__ import annotations

from django.db import models

from network import states
from network.models.network import Network
from network.models.qos import QosPolicy
from network.models.security_group import SecurityGroup
from network.models.standard import Named
from network.models.subnet import Subnet
from network.querysets import PortQuerySet


class Port(Named):
    """A port, bound to a host while ``host`` is set.

    ``wiring_revision`` grows with every change its host must know (its own, of its network, of its
    groups). ``ordered_revision`` is the one the host was told last, ``applied_revision`` the one it
    confirmed last: 0 while the port is not there. ``trunk_role`` says what it is to the trunk that it is in,
    so that nobody has to ask of the many that are in none.
    """

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="ports")
    mac_address = models.CharField(max_length=17)
    admin_state_up = models.BooleanField(default=True)
    status = models.CharField(
        max_length=8, choices=[(s, s) for s in states.PORT_STATUSES], default=states.DOWN
    )
    device_id = models.CharField(max_length=255, blank=True, default="", db_index=True)
    device_owner = models.CharField(max_length=255, blank=True, default="")
    host = models.CharField(max_length=63, blank=True, default="")
    hostname = models.CharField(max_length=63, blank=True, default="")
    dns_domain = models.CharField(max_length=255, blank=True, default="")
    port_security_enabled = models.BooleanField(default=True)
    allowed_address_pairs = models.JSONField(default=list, blank=True)
    extra_dhcp_opts = models.JSONField(default=list, blank=True)
    binding_profile = models.JSONField(default=dict, blank=True)
    qos_policy = models.ForeignKey(
        QosPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="ports"
    )
    trunk_role = models.CharField(
        max_length=7,
        choices=[(r, r) for r in (states.PARENT, states.SUBPORT)],
        blank=True,
        default="",
        editable=False,
    )
    security_groups = models.ManyToManyField(
        SecurityGroup, through="PortSecurityGroup", related_name="ports"
    )
    wiring_revision = models.PositiveIntegerField(default=1, editable=False)
    ordered_revision = models.PositiveIntegerField(default=0, editable=False)
    applied_revision = models.PositiveIntegerField(default=0, editable=False)

    objects = PortQuerySet.as_manager()

    class Meta(Named.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="port_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="port_by_age"),
            models.Index(fields=["created_at", "id"], name="port_all_by_age"),
            models.Index(fields=["host", "created_at", "id"], name="port_of_host_by_age"),
            models.Index(fields=["network", "created_at", "id"], name="port_of_network_by_age"),
            models.Index(fields=["status", "created_at", "id"], name="port_of_status_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["network", "mac_address"], name="port_mac_unique")
        ]


class PortAddress(models.Model):
    """An address of a port; its uniqueness within the subnet is what decides every race."""

    port = models.ForeignKey(Port, on_delete=models.CASCADE, related_name="addresses")
    subnet = models.ForeignKey(Subnet, on_delete=models.PROTECT, related_name="addresses")
    ip_address = models.CharField(max_length=39, db_index=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["subnet", "ip_address"], name="address_unique")
        ]

    def __str__(self) -> str:
        return self.ip_address


class PortSecurityGroup(models.Model):
    """Membership of a port in a security group."""

    port = models.ForeignKey(Port, on_delete=models.CASCADE, related_name="memberships")
    security_group = models.ForeignKey(
        SecurityGroup, on_delete=models.PROTECT, related_name="memberships"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["port", "security_group"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return f"group {self.security_group_id}"
