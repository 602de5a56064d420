"""Availability zones: the names that pools are grouped under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import BooleanField, Exists, OuterRef

from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume.models import Pool


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone; it is available when a pool in it is enabled and its host is up."""

    name: str
    available: bool


class ZoneManager(Manager):
    """Zones exist by the pools in them."""

    @policy("volume:zones:list")
    def list(self) -> Sequence[Zone]:
        """Return the zones that pools are in."""
        usable = Pool.objects.up().filter(enabled=True, zone=OuterRef("zone"))
        rows = (
            Pool.objects.order_by("zone")
            .values("zone")
            .distinct()
            .annotate(available=Exists(usable, output_field=BooleanField()))
        )
        return [Zone(row["zone"], row["available"]) for row in rows]
