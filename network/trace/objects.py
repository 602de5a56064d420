"""What hosts are asked for a path trace, and what they say they see.

A question is about things on one host as they shall be; the answer says how they are found, sight by sight.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from cloudweb.objects import Part, VersionedObject

#: What is looked at. A host may say others than these: nobody here knows their words, and they are not shown.
TAP, CARD, LEASE, FILTERS, WAY, ROUTER = "tap", "card", "lease", "filters", "way", "router"
BINDING, FLOWS, MEMBERSHIP = "binding", "flows", "membership"


class PortLook(Part):
    """A port there, and the packet that passes its filters: ``direction`` as of security groups.

    ``protocol`` is a number; ``port`` is where it goes, for ICMP there is none. ``leases``: it is asked for
    the guest's own address, too.
    """

    port_id: str
    network_id: str
    tap: str
    mac: str
    direction: Literal["ingress", "egress"]
    source: str
    destination: str
    protocol: int = Field(ge=0, le=255)
    port: int | None = Field(default=None, ge=0, le=65535)
    leases: bool = False
    to_mac: str = ""  # whom it is sent to on the wire, where that is known
    to_port: str = ""  # whose card that is; no router's
    carrier: str = ""  # the port whose card carries it, and that one's tap
    carrier_tap: str = ""


class WayLook(Part):
    """Where a host sends what is for a MAC address on a network that spans hosts: to ``endpoint``."""

    network_id: str
    mac: str
    endpoint: str


class PathQuestion(VersionedObject):
    """What one host is asked at once."""

    VERSION: ClassVar[str] = "1.1"
    DOWNGRADES: ClassVar[Any] = {
        1: lambda data: {**data, "ports": [_without_carrier(port) for port in data["ports"]]},
    }

    ports: tuple[PortLook, ...] = Field(default=(), max_length=40)
    ways: tuple[WayLook, ...] = Field(default=(), max_length=40)
    routers: tuple[str, ...] = Field(default=(), max_length=40)


class Sighting(Part):
    """One thing as it was found. ``about`` is a port's or router's id, or a MAC address.

    ``passes`` None: the host could not tell. ``detail`` names what it looked at, for operators; ``source``
    what told it. ``since`` is the Unix time at which it became so, where that is known; ``dropped`` how many
    packets were stopped there.
    """

    kind: str
    about: str
    passes: bool | None
    source: str
    detail: str = ""
    since: float | None = None
    dropped: int | None = None
    direction: str = ""


class PathSeen(VersionedObject):
    """What a host saw, at its own time ``at``."""

    VERSION: ClassVar[str] = "1.0"
    DOWNGRADES: ClassVar[Any] = {}

    at: float
    sightings: tuple[Sighting, ...] = ()


def _without_carrier(port: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in port.items() if not name.startswith("carrier")}
