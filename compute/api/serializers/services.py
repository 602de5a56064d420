"""Services on the wire (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from cloudweb.api.fields import Body, LooseBool, Name
from cloudweb.api.microversion import Transform, older, without
from cloudweb.microversions import Microversion
from cloudweb.times import micros
from compute.manager import ServiceInfo

Reason = Annotated[Name, StringConstraints(strip_whitespace=False)]


class ServiceNamed(Body):
    """PUT /os-services/enable and /disable, to 2.52."""

    host: Name
    binary: Name


class ServiceDisabled(ServiceNamed):
    """PUT /os-services/disable-log-reason, to 2.52."""

    disabled_reason: Reason


class ServiceForced(ServiceNamed):
    """PUT /os-services/force-down, 2.11 to 2.52."""

    forced_down: LooseBool


class ServiceUpdate(Body):
    """PUT /os-services/{uuid}, from 2.53."""

    status: Literal["enabled", "disabled"] | None = None
    disabled_reason: Reason | None = None
    forced_down: LooseBool | None = None


def service(info: ServiceInfo, version: Microversion) -> dict[str, Any]:
    """Return a service."""
    data = {
        "id": str(info.id),
        "binary": info.binary,
        "host": info.host,
        "zone": info.zone,
        "status": status_of(info),
        "state": "up" if info.up else "down",
        "updated_at": micros(info.seen_at),
        "disabled_reason": info.disabled_reason or None,
        "forced_down": info.forced_down,
    }

    def numeric_id(data: dict[str, Any]) -> None:
        data["id"] = info.number

    changes: tuple[Transform, ...] = (
        (Microversion(2, 11), without("forced_down")),
        (Microversion(2, 53), numeric_id),
    )
    return older(data, version, changes)


def status_of(info: ServiceInfo) -> str:
    """Return what an operator decided."""
    return "enabled" if info.enabled else "disabled"
