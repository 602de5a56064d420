"""Availability zones: the names hosts are grouped under."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import BooleanField, Exists, OuterRef

from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.manager.services import ServiceInfo, ServiceManager
from compute.models import Host


@dataclass(slots=True)
class Zone:
    """A zone; it is available when a host in it is up and enabled. ``services`` only in the detail."""

    name: str
    available: bool
    services: list[ServiceInfo] = field(default_factory=list)


class ZoneManager(Manager):
    """Zones exist by the hosts in them."""

    @policy("compute:zones:list")
    def list(self) -> Sequence[Zone]:
        """Return the zones that hosts are in."""
        usable = Host.objects.up().filter(enabled=True, zone=OuterRef("zone"))
        rows = (
            Host.objects.order_by("zone")
            .values("zone")
            .distinct()
            .annotate(available=Exists(usable, output_field=BooleanField()))
        )
        return [Zone(row["zone"], row["available"]) for row in rows]

    @policy("compute:zones:detail")
    def detail(self) -> Sequence[Zone]:
        """Return the zones with their services, that of the control plane too."""
        zones: dict[str, Zone] = {}
        for service in ServiceManager(self.context).list():
            zone = zones.setdefault(service.zone, Zone(service.zone, available=False))
            zone.services.append(service)
            zone.available |= service.up and service.enabled
        return [zones[name] for name in sorted(zones)]
