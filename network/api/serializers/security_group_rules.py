"""Security group rules on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import Q
from pydantic import BeforeValidator, Field

from cloudweb.addresses import canonical_prefix
from cloudweb.api.fields import IpPrefix, Text
from cloudweb.api.filters import canonical, equal, flag, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import (
    FROM_TEXT,
    Creation,
    Id,
    Maybe,
    StandardShown,
)
from network.rule_meaning import normal_prefix


def _protocol(value: Any) -> Any:
    """Take a number for its text; ``any`` and 0 mean every protocol."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and value.lower() in ("any", "0"):
        return ""
    return value


def folded(value: Any) -> Any:
    """Take ethertype and direction in any case."""
    known = {"ipv4": "IPv4", "ipv6": "IPv6"}
    return known.get(value.lower(), value.lower()) if isinstance(value, str) else value


Protocol = Annotated[str, Field(max_length=16), BeforeValidator(_protocol)]
#: The manager says what is wrong.
PortNumber = Annotated[int, Field(strict=True, ge=-(2**31), lt=2**31), FROM_TEXT]


class SecurityGroupRuleCreate(Creation):
    """POST /security-group-rules."""

    security_group_id: UUID
    direction: Annotated[Literal["ingress", "egress"], BeforeValidator(folded)]
    ethertype: Annotated[Literal["IPv4", "IPv6"], BeforeValidator(folded)] = "IPv4"
    protocol: Protocol = ""
    port_range_min: PortNumber | None = None
    port_range_max: PortNumber | None = None
    remote_ip_prefix: IpPrefix = ""
    remote_group_id: Text | None = None
    remote_address_group_id: Text | None = None


class SecurityGroupRuleShown(StandardShown):
    """A rule of a group."""

    security_group_id: Id
    direction: str
    ethertype: str
    protocol: Maybe
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: Maybe
    normalized_cidr: Annotated[
        str | None, Of(lambda row: normal_prefix(row.remote_ip_prefix) or None)
    ]
    remote_group_id: Annotated[str | None, Form(lambda value: value and str(value))]
    remote_address_group_id: Annotated[str | None, Form(lambda value: value and str(value))]
    belongs_to_default_sg: Annotated[bool, Of("security_group.is_default")]


def by_protocol(values: Sequence[str]) -> Q:
    """Match protocols as sent; ``any`` finds the rules without one."""
    return Q(protocol__in=[_protocol(value) for value in values])


SECURITY_GROUP_RULE = Resource(
    singular="security_group_rule",
    plural="security_group_rules",
    answer=SecurityGroupRuleShown,
    create=SecurityGroupRuleCreate,
    update=None,
    filters={
        **STANDARD_FILTERS,
        "security_group_id": identifier("security_group_id"),
        "direction": equal("direction"),
        "ethertype": equal("ethertype"),
        "protocol": by_protocol,
        "port_range_min": number("port_range_min"),
        "port_range_max": number("port_range_max"),
        "remote_ip_prefix": canonical("remote_ip_prefix", canonical_prefix),
        "remote_group_id": identifier("remote_group_id"),
        "remote_address_group_id": identifier("remote_address_group_id"),
        "belongs_to_default_sg": flag("security_group__is_default"),
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "security_group_id": "security_group_id",
        "direction": "direction",
        "ethertype": "ethertype",
        "protocol": "protocol",
        "remote_ip_prefix": "remote_ip_prefix",
    },
)
