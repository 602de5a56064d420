"""Routers, and the ports that they have."""

from __future__ import annotations

from django.db import models

from network import states
from network.backend import is_ovn
from network.models.network import Network
from network.models.port import Port
from network.models.qos import QosPolicy
from network.models.standard import Named
from network.querysets import RouterQuerySet


class Router(Named):
    """A router, on one host while ``host`` is set.

    ``routes`` is a list of {"destination", "nexthop"}. What passes the gateway by its own address is
    held to ``qos_policy``. ``wiring_revision`` grows with every change
    its host must know; ``ordered_revision`` is the one the host was told last, ``applied_revision``
    the one it confirmed last: 0 while it is not there.
    """

    admin_state_up = models.BooleanField(default=True)
    enable_snat = models.BooleanField(default=True)
    routes = models.JSONField(default=list, blank=True)
    availability_zone_hints = models.JSONField(default=list, blank=True)
    qos_policy = models.ForeignKey(
        QosPolicy, on_delete=models.PROTECT, null=True, blank=True, related_name="routers"
    )
    host = models.CharField(max_length=63, blank=True, default="")
    wiring_revision = models.PositiveIntegerField(default=1, editable=False)
    ordered_revision = models.PositiveIntegerField(default=0, editable=False)
    applied_revision = models.PositiveIntegerField(default=0, editable=False)

    objects = RouterQuerySet.as_manager()

    class Meta(Named.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="router_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="router_by_age"),
            models.Index(fields=["created_at", "id"], name="router_all_by_age"),
            models.Index(fields=["host"], name="router_by_host", condition=~models.Q(host="")),
        ]

    @property
    def status(self) -> str:
        """ALLOCATING while it has ports and no host could take it, else ACTIVE; under OVN it needs none."""
        waits = not self.host and not is_ovn() and bool(self.router_ports.all())
        return states.ALLOCATING if waits else states.ACTIVE

    @property
    def gateway(self) -> RouterPort | None:
        """Its port on the external network, if it has one."""
        return next((one for one in self.router_ports.all() if one.is_gateway), None)


class RouterPort(models.Model):
    """A port of a router: the gateway, or an interface of a subnet."""

    router = models.ForeignKey(Router, on_delete=models.PROTECT, related_name="router_ports")
    port = models.OneToOneField(Port, on_delete=models.PROTECT, related_name="router_port")
    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="router_ports")
    is_gateway = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["router"],
                condition=models.Q(is_gateway=True),
                name="router_one_gateway",
            )
        ]

    def __str__(self) -> str:
        return f"{'gateway' if self.is_gateway else 'interface'}, port {self.port_id}"
