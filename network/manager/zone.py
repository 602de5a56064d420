"""Availability zones as networks know them."""

from __future__ import annotations

from collections.abc import Sequence

from cloudweb.manager import Manager
from cloudweb.policy import policy
from network import conf


class ZoneManager(Manager):
    """The zones that networks may ask for; every network reaches every host of each."""

    @policy("network:availability_zones:list")
    def list(self) -> Sequence[str]:
        """Return the names."""
        return conf.ZONES
