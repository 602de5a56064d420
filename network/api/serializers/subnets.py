"""Subnets on the wire."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from cloudweb.addresses import canonical_address, canonical_block
from cloudweb.api.fields import Body, IpAddress, IpPrefix, LooseBool, Text
from cloudweb.api.filters import canonical, equal, flag, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Always, Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import (
    FROM_TEXT,
    Change,
    Creation,
    Id,
    Maybe,
    Nothing,
    StandardShown,
    Version,
)

Mode = Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"]


class Pool(Body):
    """An allocation pool, both ends included."""

    start: IpAddress
    end: IpAddress


class Route(Body):
    """A route that DHCP hands out."""

    destination: IpPrefix
    nexthop: IpAddress


PrefixLength = Annotated[int, Field(strict=True, ge=0, le=128), FROM_TEXT]
Pools = Annotated[tuple[Pool, ...], Field(max_length=64)]
Servers = Annotated[tuple[IpAddress, ...], Field(max_length=8)]
Routes = Annotated[tuple[Route, ...], Field(max_length=32)]
Types = Annotated[tuple[Text, ...], Field(max_length=16)]


class SubnetCreate(Creation):
    """POST /subnets."""

    MEANINGFUL_NULLS: ClassVar[frozenset[str]] = frozenset({"gateway_ip"})

    network_id: UUID
    cidr: IpPrefix | None = None
    prefixlen: PrefixLength | None = None
    subnet_pool_id: UUID | None = Field(default=None, alias="subnetpool_id")
    use_default_pool: LooseBool = Field(default=False, alias="use_default_subnetpool")
    ip_version: Version | None = None
    name: Text = ""
    gateway_ip: IpAddress | None = None
    allocation_pools: Pools | None = None
    enable_dhcp: LooseBool = True
    dns_nameservers: Servers = ()
    host_routes: Routes = ()
    ipv6_ra_mode: Mode | Literal[""] = ""
    ipv6_address_mode: Mode | Literal[""] = ""
    service_types: Types = ()

    def said(self) -> dict[str, Any]:
        """Return what the client said, parts as plain mappings."""
        return _plain(super().said())


class SubnetUpdate(Change):
    """PUT /subnets/{id}."""

    name: Text = ""
    gateway_ip: IpAddress | None = None
    allocation_pools: Pools = ()
    enable_dhcp: LooseBool = True
    dns_nameservers: Servers = ()
    host_routes: Routes = ()
    service_types: Types = ()

    def said(self) -> dict[str, Any]:
        """Return what the client said, parts as plain mappings."""
        return _plain(super().said())


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    for name in ("allocation_pools", "host_routes"):
        if name in said:
            said[name] = [part.model_dump() for part in said[name] if isinstance(part, BaseModel)]
    return said


class SubnetShown(StandardShown):
    """A subnet."""

    name: str
    network_id: Id
    ip_version: int
    cidr: str
    gateway_ip: Maybe
    allocation_pools: list[dict[str, str]]
    enable_dhcp: bool
    dns_nameservers: list[str]
    host_routes: list[dict[str, str]]
    ipv6_ra_mode: Maybe
    ipv6_address_mode: Maybe
    subnetpool_id: Annotated[Maybe, Of(lambda row: row.subnet_pool_id and str(row.subnet_pool_id))]
    service_types: list[str]
    segment_id: Nothing
    dns_publish_fixed_ip: Annotated[bool, Always(False)]
    external: Annotated[bool, Field(alias="router:external"), Of("network.external")]


SUBNET = Resource(
    singular="subnet",
    plural="subnets",
    answer=SubnetShown,
    create=SubnetCreate,
    update=SubnetUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "network_id": identifier("network_id"),
        "subnetpool_id": identifier("subnet_pool"),
        "ip_version": number("ip_version"),
        "cidr": canonical("cidr", canonical_block),
        "gateway_ip": canonical("gateway_ip", canonical_address),
        "enable_dhcp": flag("enable_dhcp"),
        "ipv6_ra_mode": equal("ipv6_ra_mode"),
        "ipv6_address_mode": equal("ipv6_address_mode"),
        "router:external": flag("network__external"),
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "name": "name",
        "network_id": "network_id",
        "ip_version": "ip_version",
        "cidr": "cidr",
        "gateway_ip": "gateway_ip",
        "enable_dhcp": "enable_dhcp",
    },
)
