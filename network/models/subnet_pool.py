"""Subnet pools: the blocks that subnets are cut from; address scopes: where each address means one thing."""

from __future__ import annotations

from django.db import models

from network.models.standard import Shareable
from network.querysets import AddressScopeQuerySet, SubnetPoolQuerySet

VERSIONS = [(4, "IPv4"), (6, "IPv6")]


class AddressScope(Shareable):
    """Pools of one scope have no address in common."""

    ip_version = models.PositiveSmallIntegerField(choices=VERSIONS)

    objects = AddressScopeQuerySet.as_manager()

    class Meta(Shareable.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="scope_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="scope_by_age"),
            models.Index(fields=["created_at", "id"], name="scope_all_by_age"),
        ]


class SubnetPool(Shareable):
    """Blocks, as few as say the same, and how long prefixes of subnets may be.

    What is taken is read from the subnets each time; whoever takes or gives raises ``turns`` first, which
    locks the row. ``default_quota``: what a project may take, in addresses of IPv4 or in /64 of IPv6.
    """

    ip_version = models.PositiveSmallIntegerField(choices=VERSIONS)
    prefixes = models.JSONField()
    min_prefixlen = models.PositiveSmallIntegerField()
    max_prefixlen = models.PositiveSmallIntegerField()
    default_prefixlen = models.PositiveSmallIntegerField()
    default_quota = models.PositiveIntegerField(null=True, blank=True)
    is_default = models.BooleanField(default=False)
    address_scope = models.ForeignKey(
        AddressScope, on_delete=models.PROTECT, null=True, blank=True, related_name="subnet_pools"
    )
    turns = models.PositiveIntegerField(default=0, editable=False)

    objects = SubnetPoolQuerySet.as_manager()

    class Meta(Shareable.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="pool_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="pool_by_age"),
            models.Index(fields=["created_at", "id"], name="pool_all_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["ip_version"],
                condition=models.Q(is_default=True),
                name="pool_one_default",
            )
        ]
