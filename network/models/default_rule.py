"""What is in a security group from its beginning."""

from __future__ import annotations

from django.db import models

from network.models.security_group import SecurityGroup, SecurityGroupRule
from network.models.standard import Standard
from network.querysets import DefaultRuleQuerySet


class DefaultSecurityGroupRule(Standard):
    """A rule that new groups get: projects' default ones, others, or both.

    ``of_members``: its remote is the group that gets it. ``meaning`` is as a rule's.
    """

    direction = models.CharField(max_length=7, choices=[("ingress",) * 2, ("egress",) * 2])
    ethertype = models.CharField(max_length=4, choices=[("IPv4",) * 2, ("IPv6",) * 2])
    protocol = models.CharField(max_length=16, blank=True, default="")
    port_range_min = models.PositiveIntegerField(null=True, blank=True)
    port_range_max = models.PositiveIntegerField(null=True, blank=True)
    remote_ip_prefix = models.CharField(max_length=50, blank=True, default="")
    of_members = models.BooleanField(default=False)
    used_in_default_sg = models.BooleanField(default=False)
    used_in_non_default_sg = models.BooleanField(default=True)
    meaning = models.CharField(max_length=160, editable=False)

    objects = DefaultRuleQuerySet.as_manager()

    class Meta(Standard.Meta):
        constraints = [models.UniqueConstraint(fields=["meaning"], name="default_rule_unique")]

    def __str__(self) -> str:
        return f"{self.direction} {self.ethertype} {self.protocol or 'any protocol'}"

    def rule_of(self, group: SecurityGroup) -> SecurityGroupRule:
        """Return the rule that a group gets, not saved."""
        return SecurityGroupRule(
            project_id=group.project_id,
            security_group=group,
            direction=self.direction,
            ethertype=self.ethertype,
            protocol=self.protocol,
            port_range_min=self.port_range_min,
            port_range_max=self.port_range_max,
            remote_ip_prefix=self.remote_ip_prefix,
            remote_group=group if self.of_members else None,
            description=self.description,
        )


class DefaultRulesMade(models.Model):
    """There is one row once the rules of the first day were made: an operator may remove them for good."""

    def __str__(self) -> str:
        return "made"
