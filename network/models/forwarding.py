"""Where the ports of a network that spans hosts are, as a numbered table, and how far each host has it."""

from __future__ import annotations

from django.db import models

from network.models.network import Network
from network.querysets import HeldForwardingQuerySet


class Forwarding(models.Model):
    """The places of a network's ports; they are read from the ports each time.

    ``generation`` grows with every change, under the row's lock, so its order is that of the commits.
    """

    network = models.OneToOneField(
        Network, on_delete=models.CASCADE, primary_key=True, related_name="forwarding"
    )
    generation = models.PositiveBigIntegerField(default=1)


class ForwardingMove(models.Model):
    """A port (its MAC address) that came, went or changed with a generation; the last ones are kept."""

    forwarding = models.ForeignKey(Forwarding, on_delete=models.CASCADE, related_name="moves")
    generation = models.PositiveBigIntegerField()
    mac_address = models.CharField(max_length=17)

    class Meta:
        indexes = [models.Index(fields=["forwarding", "generation"], name="forwarding_move_by_age")]


class HeldForwarding(models.Model):
    """A table that a host was told: it has, or had, ports of the network.

    ``applied_generation`` is the one the host has confirmed, 0 while it has to be told all of it.
    """

    host = models.CharField(max_length=63)
    forwarding = models.ForeignKey(Forwarding, on_delete=models.CASCADE, related_name="held")
    applied_generation = models.PositiveBigIntegerField(default=0)

    objects = HeldForwardingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["host", "forwarding"], name="held_forwarding_unique")
        ]
