"""Default security group rules on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from cloudweb.api.fields import IpPrefix, LooseBool
from cloudweb.api.filters import equal, flag
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Creation, Maybe, Nothing, StandardShown
from network.api.serializers.security_group_rules import PortNumber, Protocol, folded

#: The group that gets the rule.
PARENT = "PARENT"


class DefaultRuleCreate(Creation):
    """POST /default-security-group-rules; a remote group is the one that gets the rule."""

    UNUSED = frozenset({"project_id", "remote_address_group_id"})

    direction: Annotated[Literal["ingress", "egress"], BeforeValidator(folded)]
    ethertype: Annotated[Literal["IPv4", "IPv6"], BeforeValidator(folded)] = "IPv4"
    protocol: Protocol = ""
    port_range_min: PortNumber | None = None
    port_range_max: PortNumber | None = None
    remote_ip_prefix: IpPrefix = ""
    remote_group_id: Literal["PARENT"] | None = None
    remote_address_group_id: None = None
    used_in_default_sg: LooseBool = False
    used_in_non_default_sg: LooseBool = True

    def said(self) -> dict[str, Any]:
        """Return what the client said."""
        said = super().said()
        remote = said.pop("remote_group_id", None)
        return {**said, "of_members": remote == PARENT}


class DefaultRuleShown(StandardShown):
    """A rule that new groups get."""

    direction: str
    ethertype: str
    protocol: Maybe
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: Maybe
    remote_group_id: Annotated[str | None, Of(lambda row: PARENT if row.of_members else None)]
    remote_address_group_id: Nothing
    used_in_default_sg: bool
    used_in_non_default_sg: bool


DEFAULT_RULE = Resource(
    singular="default_security_group_rule",
    plural="default_security_group_rules",
    answer=DefaultRuleShown,
    create=DefaultRuleCreate,
    filters={
        **STANDARD_FILTERS,
        "direction": equal("direction"),
        "ethertype": equal("ethertype"),
        "protocol": equal("protocol"),
        "used_in_default_sg": flag("used_in_default_sg"),
        "used_in_non_default_sg": flag("used_in_non_default_sg"),
    },
    sort_keys={**STANDARD_SORT_KEYS, "direction": "direction", "ethertype": "ethertype"},
)
