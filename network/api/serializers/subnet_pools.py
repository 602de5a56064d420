"""Subnet pools on the wire."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from cloudweb.api.fields import MAX_INT, Body, IpPrefix, LooseBool, Text
from cloudweb.api.filters import equal, flag, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import FROM_TEXT, Change, Creation, StandardShown
from network.api.serializers.subnets import PrefixLength

PrefixList = Annotated[tuple[IpPrefix, ...], Field(max_length=256)]
Quota = Annotated[int, Field(strict=True, ge=0, le=MAX_INT), FROM_TEXT]


class Prefixes(Body):
    """PUT …/add_prefixes and …/remove_prefixes, and their answers."""

    prefixes: PrefixList


class Onboarding(Body):
    """PUT …/onboard_network_subnets."""

    network_id: UUID


class SubnetPoolCreate(Creation):
    """POST /subnetpools."""

    name: Text = ""
    prefixes: PrefixList
    min_prefixlen: PrefixLength | None = None
    max_prefixlen: PrefixLength | None = None
    default_prefixlen: PrefixLength | None = None
    default_quota: Quota | None = None
    is_default: LooseBool = False
    shared: LooseBool = False
    address_scope_id: UUID | None = None


class SubnetPoolUpdate(Change):
    """PUT /subnetpools/{id}."""

    name: Text = ""
    prefixes: PrefixList = ()
    min_prefixlen: PrefixLength = 0
    max_prefixlen: PrefixLength = 0
    default_prefixlen: PrefixLength = 0
    default_quota: Quota | None = None
    is_default: LooseBool = False
    shared: LooseBool = False
    address_scope_id: UUID | None = None


class SubnetPoolShown(StandardShown):
    """A pool."""

    name: str
    ip_version: int
    prefixes: list[str]
    min_prefixlen: int
    max_prefixlen: int
    default_prefixlen: int
    default_quota: int | None
    is_default: bool
    shared: Annotated[bool, Of("is_shared")]
    address_scope_id: Annotated[str | None, Form(lambda value: value and str(value))]


SUBNET_POOL = Resource(
    singular="subnetpool",
    plural="subnetpools",
    answer=SubnetPoolShown,
    create=SubnetPoolCreate,
    update=SubnetPoolUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "ip_version": number("ip_version"),
        "min_prefixlen": number("min_prefixlen"),
        "max_prefixlen": number("max_prefixlen"),
        "default_prefixlen": number("default_prefixlen"),
        "default_quota": number("default_quota"),
        "is_default": flag("is_default"),
        "shared": flag("shared_here"),
        "address_scope_id": identifier("address_scope"),
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "name": "name",
        "ip_version": "ip_version",
        "default_prefixlen": "default_prefixlen",
        "min_prefixlen": "min_prefixlen",
        "max_prefixlen": "max_prefixlen",
    },
)
