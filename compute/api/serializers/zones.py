"""Availability zones on the wire."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.times import micros
from compute.manager import Zone


class ZoneState(Answer):
    """Whether servers can be put there."""

    available: bool


class ServiceOfHost(Answer):
    """How a service of a host does."""

    available: bool
    active: bool
    updated_at: str | None


class ZoneShown(Answer):
    """A zone; operators see the services of its hosts, by the names of both."""

    zone_name: str = Field(alias="zoneName")
    zone_state: ZoneState = Field(alias="zoneState")
    hosts: dict[str, dict[str, ServiceOfHost]] | None


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
