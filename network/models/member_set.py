"""Who is in a security group on a network, as a numbered set, and how far each host has it."""

from __future__ import annotations

from django.db import models

from network.models.network import Network
from network.models.security_group import SecurityGroup
from network.querysets import HeldSetQuerySet


class MemberSet(models.Model):
    """The addresses of a group's members on one network; they are read from the ports each time.

    ``generation`` grows with every change, under the row's lock, so its order is that of the commits.
    ``has_pairs``: some member had addresses beside its own; it is never taken back.
    """

    security_group = models.ForeignKey(
        SecurityGroup, on_delete=models.CASCADE, related_name="member_sets"
    )
    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="member_sets")
    generation = models.PositiveBigIntegerField(default=1)
    has_pairs = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["network", "security_group"], name="member_set_unique")
        ]


class MemberChange(models.Model):
    """An address or block that entered or left a set with a generation; the last ones are kept."""

    member_set = models.ForeignKey(MemberSet, on_delete=models.CASCADE, related_name="changes")
    generation = models.PositiveBigIntegerField()
    block = models.CharField(max_length=49)

    class Meta:
        indexes = [models.Index(fields=["member_set", "generation"], name="member_change_by_age")]


class HeldSet(models.Model):
    """A set that a host was told: its filters name it.

    ``applied_generation`` is the one the host has confirmed, 0 while it has to be told all of it.
    ``literal``: the host speaks no sets (or did not when it was told last), and has the addresses in
    its ports' rules; ``ordered_generation`` is what it was told then.
    """

    host = models.CharField(max_length=63)
    member_set = models.ForeignKey(MemberSet, on_delete=models.CASCADE, related_name="held")
    ordered_generation = models.PositiveBigIntegerField(default=0)
    applied_generation = models.PositiveBigIntegerField(default=0)
    literal = models.BooleanField(default=False)

    objects = HeldSetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "member_set"], name="held_set_unique")
        ]
