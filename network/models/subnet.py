"""Subnets, and what is free in them."""

from __future__ import annotations

from django.db import models

from network.models.network import Network
from network.models.standard import Named
from network.models.subnet_pool import SubnetPool
from network.querysets import SubnetQuerySet

#: Ways in which a guest makes its IPv6 address itself.
SELF_ADDRESSING = ("slaac", "dhcpv6-stateless")


class Subnet(Named):
    """A block of addresses on a network.

    ``allocation_pools`` is a list of {"start", "end"}; ``host_routes`` of {"destination",
    "nexthop"}; ``gateway_ip`` is empty for none. ``service_types`` are the device owners whose ports
    get their addresses here; empty for all.
    """

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="subnets")
    subnet_pool = models.ForeignKey(
        SubnetPool, on_delete=models.PROTECT, null=True, blank=True, related_name="subnets"
    )
    ip_version = models.PositiveSmallIntegerField(choices=[(4, "IPv4"), (6, "IPv6")])
    cidr = models.CharField(max_length=43)
    gateway_ip = models.CharField(max_length=39, blank=True, default="")
    enable_dhcp = models.BooleanField(default=True)
    allocation_pools = models.JSONField(default=list)
    dns_nameservers = models.JSONField(default=list, blank=True)
    host_routes = models.JSONField(default=list, blank=True)
    ipv6_ra_mode = models.CharField(max_length=16, blank=True, default="")
    ipv6_address_mode = models.CharField(max_length=16, blank=True, default="")
    service_types = models.JSONField(default=list, blank=True)

    objects = SubnetQuerySet.as_manager()

    class Meta(Named.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="subnet_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="subnet_by_age"),
            models.Index(fields=["created_at", "id"], name="subnet_all_by_age"),
        ]

    @property
    def is_self_addressing(self) -> bool:
        """Tell whether ports get their address here from their MAC address.

        Also where a router of somebody's tells guests so, or answers them.
        """
        modes = self.ipv6_address_mode, self.ipv6_ra_mode
        return self.ip_version == 6 and any(mode in SELF_ADDRESSING for mode in modes)


class FreeRange(models.Model):
    """Addresses of a subnet's pools that no port has: ``first`` to ``last``, both included.

    Both are 32 hexadecimal digits, so that their order as text is that of the addresses.
    """

    subnet = models.ForeignKey(Subnet, on_delete=models.CASCADE, related_name="free_ranges")
    first = models.CharField(max_length=32)
    last = models.CharField(max_length=32)

    class Meta:
        indexes = [
            models.Index(fields=["subnet", "first"], name="free_by_first"),
            models.Index(fields=["subnet", "last"], name="free_by_last"),
        ]
