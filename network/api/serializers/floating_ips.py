"""Floating IPs and their port forwardings on the wire."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from cloudweb.addresses import canonical_address
from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, IpAddress, Text
from cloudweb.api.filters import canonical, equal, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of
from network import states
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import (
    FROM_TEXT,
    Change,
    Creation,
    DnsDomain,
    DnsLabel,
    Id,
    Maybe,
    MaybeId,
    Selectable,
    StandardShown,
)
from network.manager.port_forwarding import Ports
from network.models import FloatingIp, PortForwarding

_RANGE = re.compile(r"^(\d{1,5})(?::(\d{1,5}))?\Z")


class FloatingIpCreate(Creation):
    """POST /floatingips."""

    floating_network_id: UUID
    subnet_id: UUID | None = None
    floating_ip_address: IpAddress | None = None
    port_id: UUID | None = None
    fixed_ip_address: IpAddress | None = None
    qos_policy_id: UUID | None = None
    dns_name: DnsLabel = ""
    dns_domain: DnsDomain = ""


class FloatingIpUpdate(Change):
    """PUT /floatingips/{id}."""

    port_id: UUID | None = None
    fixed_ip_address: IpAddress | None = None
    qos_policy_id: UUID | None = None


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


class PortDetails(Body):
    """The port that a floating IP leads to."""

    name: str
    network_id: str
    mac_address: str
    admin_state_up: bool
    status: str
    device_id: str
    device_owner: str


class ForwardingShown(Answer):
    """A port forwarding within its floating IP; a range is said as a number too where it is one port."""

    protocol: str
    internal_port_id: str
    internal_ip_address: str
    internal_port: int | None = None
    external_port: int | None = None
    internal_port_range: str
    external_port_range: str


def _port_details(floating: FloatingIp) -> dict[str, Any] | None:
    port = floating.fixed_port
    if port is None:
        return None
    return {
        "name": port.name,
        "network_id": str(port.network_id),
        "mac_address": port.mac_address,
        "admin_state_up": port.admin_state_up,
        "status": port.status,
        "device_id": port.device_id,
        "device_owner": port.device_owner,
    }


def _forwardings(floating: FloatingIp) -> list[dict[str, Any]]:
    return [_exposed(one) for one in floating.port_forwardings.all()]


class FloatingIpShown(StandardShown):
    """A floating IP."""

    floating_ip_address: str
    floating_network_id: Id
    fixed_ip_address: Maybe
    port_id: Annotated[str | None, Of("fixed_port_id"), Form(_text)]
    router_id: Annotated[str | None, Form(_text)]
    status: str
    qos_policy_id: MaybeId
    dns_name: str
    dns_domain: str
    port_details: Annotated[PortDetails | None, Of(_port_details)]
    port_forwardings: Annotated[list[ForwardingShown], Of(_forwardings)]


def _status(values: Any) -> Any:
    from django.db.models import Q

    wanted = [value == states.ACTIVE for value in values if value in (states.ACTIVE, states.DOWN)]
    condition = Q(pk__in=())
    for active in wanted:
        condition |= Q(router__isnull=not active)
    return condition


FLOATING_IP = Resource(
    singular="floatingip",
    plural="floatingips",
    answer=FloatingIpShown,
    create=FloatingIpCreate,
    update=FloatingIpUpdate,
    filters={
        **STANDARD_FILTERS,
        "floating_ip_address": canonical("floating_ip_address", canonical_address),
        "floating_network_id": identifier("floating_network_id"),
        "fixed_ip_address": canonical("fixed_ip_address", canonical_address),
        "port_id": identifier("fixed_port_id"),
        "router_id": identifier("router_id"),
        "status": _status,
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "floating_ip_address": "floating_ip_address",
        "floating_network_id": "floating_network_id",
        "fixed_ip_address": "fixed_ip_address",
    },
)


def _range(text: str) -> str:
    if not _RANGE.match(text):
        raise ValueError("It must be a port, or two with a colon between")
    return text


Range = Annotated[str, AfterValidator(_range)]
PortNumber = Annotated[int, Field(strict=True, ge=1, le=65535), FROM_TEXT]


class _Forwarding(Body):
    """What is said of ports, as a number or as a range."""

    internal_port: PortNumber | None = None
    external_port: PortNumber | None = None
    internal_port_range: Range | None = None
    external_port_range: Range | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said, ports as the manager takes them."""
        said = {name: value for name, value in super().said().items() if value is not None}
        for side in ("internal", "external"):
            number, text = said.pop(f"{side}_port", None), said.pop(f"{side}_port_range", None)
            if number is not None:
                said[side] = Ports(number, number)
            elif text is not None:
                said[side] = _ports(text)
        return said

    @model_validator(mode="after")
    def _one_form(self) -> _Forwarding:
        for side in ("internal", "external"):
            if getattr(self, f"{side}_port") and getattr(self, f"{side}_port_range"):
                raise ValueError(f"'{side}_port' and '{side}_port_range' exclude each other")
        return self


class PortForwardingCreate(_Forwarding):
    """POST /floatingips/{id}/port_forwardings."""

    protocol: Annotated[str, Field(max_length=16)]
    internal_port_id: UUID
    internal_ip_address: IpAddress | None = None
    description: Text = ""

    @model_validator(mode="after")
    def _both_sides(self) -> PortForwardingCreate:
        for side in ("internal", "external"):
            if not (getattr(self, f"{side}_port") or getattr(self, f"{side}_port_range")):
                raise ValueError(f"'{side}_port' or '{side}_port_range' is required")
        return self


class PortForwardingUpdate(_Forwarding):
    """PUT /floatingips/{id}/port_forwardings/{id}."""

    protocol: Annotated[str, Field(max_length=16)] | None = None
    internal_port_id: UUID | None = None
    internal_ip_address: IpAddress | None = None
    description: Text = ""


def _ports(text: str) -> Ports:
    first, _, last = text.partition(":")
    return Ports(int(first), int(last or first))


def _exposed(row: PortForwarding) -> dict[str, Any]:
    internal = Ports(row.internal_first, row.internal_last)
    external = Ports(row.external_first, row.external_last)
    return {
        "protocol": row.protocol,
        "internal_port_id": str(row.internal_port_id),
        "internal_ip_address": row.internal_ip_address,
        "internal_port": internal.first if internal.count == 1 else None,
        "external_port": external.first if external.count == 1 else None,
        "internal_port_range": f"{internal.first}:{internal.last}",
        "external_port_range": f"{external.first}:{external.last}",
    }


def _number(side: str) -> Any:
    """Return what shows a port of that side where it is one."""
    return lambda row: _exposed(row).get(side)


class PortForwardingShown(Selectable):
    """A port forwarding."""

    id: Id
    description: str
    protocol: str
    internal_port_id: Id
    internal_ip_address: str
    internal_port: Annotated[int | None, Of(_number("internal_port"))]
    external_port: Annotated[int | None, Of(_number("external_port"))]
    internal_port_range: Annotated[str, Of(_number("internal_port_range"))]
    external_port_range: Annotated[str, Of(_number("external_port_range"))]


PORT_FORWARDING = Resource(
    singular="port_forwarding",
    plural="port_forwardings",
    answer=PortForwardingShown,
    create=PortForwardingCreate,
    update=PortForwardingUpdate,
    filters={
        "id": identifier("id"),
        "description": equal("description"),
        "protocol": equal("protocol"),
        "internal_port_id": identifier("internal_port_id"),
        "internal_ip_address": canonical("internal_ip_address", canonical_address),
        "internal_port": number("internal_first"),
        "external_port": number("external_first"),
    },
    sort_keys={"id": "id", "protocol": "protocol"},
)
