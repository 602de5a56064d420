"""Availability zones on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.shown import Always, Of
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


def _hosts(zone: Zone) -> dict[str, dict[str, Any]]:
    """Return the services by the names of their hosts and their own."""
    hosts: dict[str, dict[str, Any]] = {}
    for service in zone.services:
        hosts.setdefault(service.host, {})[service.binary] = {
            "available": service.up,
            "active": service.enabled,
            "updated_at": micros(service.seen_at),
        }
    return hosts


class ZoneBrief(Answer):
    """A zone as everybody sees it."""

    zone_name: Annotated[str, Of("name")] = Field(alias="zoneName")
    zone_state: Annotated[ZoneState, Of(lambda zone: {"available": zone.available})] = Field(
        alias="zoneState"
    )
    hosts: Annotated[None, Always(None)]


class ZoneShown(ZoneBrief):
    """A zone as operators see it: with the services of its hosts, by the names of both."""

    hosts: Annotated[dict[str, dict[str, ServiceOfHost]], Of(_hosts)]  # type: ignore[assignment]
