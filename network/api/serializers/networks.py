"""Networks on the wire."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from cloudweb.api.fields import LooseBool, Text
from cloudweb.api.filters import equal, flag, identifier, number
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Always, Of
from network import conf
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS, status_by_switch
from network.api.resource import FOR_OPERATORS, OPERATOR
from network.api.serializers.attributes import (
    FROM_TEXT,
    Change,
    Creation,
    DnsDomain,
    Maybe,
    MaybeId,
    Nothing,
    StandardShown,
)
from network.strategies import TYPES

#: What the types that clients name are here.
KINDS = {name: strategy.kind for name, strategy in TYPES.items()}
Mtu = Annotated[int, Field(strict=True, ge=68, le=9216), FROM_TEXT]
NetworkType = Literal["local", "flat", "vlan", "vxlan"]
SegmentationId = Annotated[int, Field(strict=True, ge=0, lt=2**31), FROM_TEXT]
Zone = Annotated[str, Field(max_length=255)]


class NetworkCreate(Creation):
    """POST /networks."""

    UNUSED: ClassVar[frozenset[str]] = frozenset({"network_type", "vlan_transparent"})

    name: Text = ""
    admin_state_up: LooseBool = True
    shared: LooseBool = False
    external: LooseBool = Field(default=False, alias="router:external")
    is_default: LooseBool = False
    port_security_enabled: LooseBool = True
    mtu: Mtu | None = None
    dns_domain: DnsDomain = ""
    availability_zone_hints: Annotated[tuple[Zone, ...], Field(max_length=16)] = ()
    network_type: NetworkType | None = Field(default=None, alias="provider:network_type")
    physical_network: Annotated[str, Field(max_length=64)] = Field(
        default="", alias="provider:physical_network"
    )
    segmentation_id: SegmentationId | None = Field(default=None, alias="provider:segmentation_id")
    vlan_transparent: Literal[False] = False
    qos_policy_id: UUID | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said, with the type as the kind it means."""
        kind = {"kind": KINDS[self.network_type]} if self.network_type else {}
        return {**super().said(), **kind}


class NetworkUpdate(Change):
    """PUT /networks/{id}."""

    name: Text = ""
    admin_state_up: LooseBool = True
    shared: LooseBool = False
    external: LooseBool = Field(default=False, alias="router:external")
    is_default: LooseBool = False
    port_security_enabled: LooseBool = True
    mtu: Mtu = 0
    dns_domain: DnsDomain = ""
    qos_policy_id: UUID | None = None


class NetworkShown(StandardShown):
    """A network; what the provider made it of is for operators."""

    name: str
    admin_state_up: bool
    status: str
    subnets: Annotated[list[str], Of(lambda row: [str(subnet.id) for subnet in row.subnets.all()])]
    shared: Annotated[bool, Of("is_shared")]
    external: Annotated[bool, Field(alias="router:external")]
    is_default: bool
    mtu: int
    port_security_enabled: bool
    availability_zone_hints: list[str]
    availability_zones: Annotated[list[str], Of(lambda _row: conf.ZONES)]
    ipv4_address_scope: Annotated[str | None, Of(lambda row: row.address_scope(4))]
    ipv6_address_scope: Annotated[str | None, Of(lambda row: row.address_scope(6))]
    qos_policy_id: MaybeId
    dns_domain: str
    l2_adjacency: Annotated[bool, Always(True)]
    vlan_transparent: Nothing
    network_type: Annotated[
        str,
        Field(alias="provider:network_type"),
        Of("strategy.network_type"),
        FOR_OPERATORS,
    ] = ""
    physical_network: Annotated[Maybe, Field(alias="provider:physical_network"), FOR_OPERATORS] = (
        None
    )
    segmentation_id: Annotated[
        int | None, Field(alias="provider:segmentation_id"), FOR_OPERATORS
    ] = None


NETWORK = Resource(
    singular="network",
    plural="networks",
    answer=NetworkShown,
    create=NetworkCreate,
    update=NetworkUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "admin_state_up": flag("admin_state_up"),
        "status": status_by_switch,
        "shared": flag("shared_here"),
        "router:external": flag("external"),
        "is_default": flag("is_default"),
        "port_security_enabled": flag("port_security_enabled"),
        "mtu": number("mtu"),
        "dns_domain": equal("dns_domain"),
        "qos_policy_id": identifier("qos_policy_id"),
    },
    guard=OPERATOR,
    guarded_filters={
        "provider:network_type": equal("kind", KINDS),
        "provider:physical_network": equal("physical_network"),
        "provider:segmentation_id": number("segmentation_id"),
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "name": "name",
        "admin_state_up": "admin_state_up",
        "mtu": "mtu",
        "shared": "shared",
    },
)
