"""Security groups: what may reach a port, and be reached from it."""

from __future__ import annotations

from django.db import models

from network.models.address_group import AddressGroup
from network.models.standard import Shareable, Standard
from network.querysets import SecurityGroupQuerySet, SecurityGroupRuleQuerySet


class SecurityGroup(Shareable):
    """A set of accepting rules; whatever none accepts is dropped."""

    is_default = models.BooleanField(default=False)
    stateful = models.BooleanField(default=True)

    objects = SecurityGroupQuerySet.as_manager()

    class Meta(Shareable.Meta):
        indexes = [
            models.Index(fields=["project_id", "name"], name="group_by_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="group_by_age"),
            models.Index(fields=["created_at", "id"], name="group_all_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["project_id"],
                condition=models.Q(is_default=True),
                name="group_one_default",
            )
        ]


class SecurityGroupRule(Standard):
    """One accepting rule, as it was asked for.

    ``protocol`` is a name or a number, empty for any; for ICMP the ports hold type and code.
    ``meaning`` is the rule in one canonical line: a group holds each meaning once.
    """

    security_group = models.ForeignKey(
        SecurityGroup, on_delete=models.CASCADE, related_name="rules"
    )
    direction = models.CharField(max_length=7, choices=[("ingress",) * 2, ("egress",) * 2])
    ethertype = models.CharField(max_length=4, choices=[("IPv4",) * 2, ("IPv6",) * 2])
    protocol = models.CharField(max_length=16, blank=True, default="")
    port_range_min = models.PositiveIntegerField(null=True, blank=True)
    port_range_max = models.PositiveIntegerField(null=True, blank=True)
    remote_ip_prefix = models.CharField(max_length=50, blank=True, default="")
    remote_group = models.ForeignKey(
        SecurityGroup,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="referring_rules",
    )
    remote_address_group = models.ForeignKey(
        AddressGroup,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="referring_rules",
    )
    meaning = models.CharField(max_length=160, editable=False)

    objects = SecurityGroupRuleQuerySet.as_manager()

    class Meta(Standard.Meta):
        indexes = [
            models.Index(fields=["project_id", "created_at", "id"], name="rule_by_age"),
            models.Index(fields=["created_at", "id"], name="rule_all_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["security_group", "meaning"], name="rule_unique")
        ]

    def __str__(self) -> str:
        return f"{self.direction} {self.ethertype} {self.protocol or 'any protocol'}"
