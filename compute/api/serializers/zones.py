"""Availability zones on the wire."""

from __future__ import annotations

from typing import Any

from cloudweb.times import micros
from compute.manager import Zone


def brief(zone: Zone) -> dict[str, Any]:
    """Return a zone without its hosts."""
    return {"zoneName": zone.name, "zoneState": {"available": zone.available}, "hosts": None}


def full(zone: Zone) -> dict[str, Any]:
    """Return a zone with its hosts and their services."""
    hosts: dict[str, dict[str, Any]] = {}
    for service in zone.services:
        hosts.setdefault(service.host, {})[service.binary] = {
            "available": service.up,
            "active": service.enabled,
            "updated_at": micros(service.seen_at),
        }
    return {**brief(zone), "hosts": hosts}
