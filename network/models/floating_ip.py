"""Floating IPs: addresses of an external network that lead to a port, or a part of it, behind a router."""

from __future__ import annotations

from django.db import models

from network import states
from network.models.network import Network
from network.models.port import Port
from network.models.qos import QosPolicy
from network.models.router import Router
from network.models.standard import Standard
from network.querysets import FloatingIpQuerySet, PortForwardingQuerySet


class FloatingIp(Standard):
    """An address that a project has on an external network.

    ``port`` holds the address there. ``fixed_port`` with ``fixed_ip_address`` is where it leads,
    ``router`` the one that does it, also for port forwardings, which lead on by port.
    """

    floating_network = models.ForeignKey(
        Network, on_delete=models.PROTECT, related_name="floating_ips"
    )
    floating_ip_address = models.CharField(max_length=39, db_index=True)
    port = models.OneToOneField(Port, on_delete=models.PROTECT, related_name="floating_ip")
    fixed_port = models.ForeignKey(
        Port, on_delete=models.PROTECT, null=True, blank=True, related_name="floating_ips"
    )
    fixed_ip_address = models.CharField(max_length=39, blank=True, default="")
    router = models.ForeignKey(
        Router, on_delete=models.PROTECT, null=True, blank=True, related_name="floating_ips"
    )
    qos_policy = models.ForeignKey(
        QosPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="floating_ips"
    )

    dns_name = models.CharField(max_length=63, blank=True, default="")
    dns_domain = models.CharField(max_length=255, blank=True, default="")

    objects = FloatingIpQuerySet.as_manager()

    class Meta(Standard.Meta):
        indexes = [
            models.Index(fields=["project_id", "created_at", "id"], name="floating_by_age"),
            models.Index(fields=["created_at", "id"], name="floating_all_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["floating_network", "fixed_port", "fixed_ip_address"],
                condition=models.Q(fixed_port__isnull=False),
                name="floating_one_per_address",
            )
        ]

    def __str__(self) -> str:
        return self.floating_ip_address

    @property
    def status(self) -> str:
        """ACTIVE while it leads somewhere."""
        return states.ACTIVE if self.router_id is not None else states.DOWN


class PortForwarding(Standard):
    """Some ports of a floating IP in a row that lead to as many, or to one, of a port."""

    floating_ip = models.ForeignKey(
        FloatingIp, on_delete=models.CASCADE, related_name="port_forwardings"
    )
    protocol = models.CharField(max_length=8)
    internal_port = models.ForeignKey(
        Port, on_delete=models.PROTECT, related_name="port_forwardings"
    )
    internal_ip_address = models.CharField(max_length=39)
    internal_first = models.PositiveIntegerField()
    internal_last = models.PositiveIntegerField()
    external_first = models.PositiveIntegerField()
    external_last = models.PositiveIntegerField()

    objects = PortForwardingQuerySet.as_manager()

    class Meta(Standard.Meta):
        indexes = [
            models.Index(fields=["floating_ip", "created_at", "id"], name="forwarding_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.protocol} {self.external_first} to {self.internal_ip_address}"
