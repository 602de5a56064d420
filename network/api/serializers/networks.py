"""Networks on the wire."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from cloudweb.api.fields import LooseBool, Text
from cloudweb.api.filters import equal, flag, number
from network import conf
from network.api.filters import STANDARD_FILTERS, status_by_switch
from network.api.resource import Resource
from network.api.serializers.attributes import (
    Change,
    Creation,
    DnsDomain,
    Whole,
    owner,
    standard,
)
from network.models import Network
from network.models.network import NetworkKind

#: What clients call a kind of network.
TYPES = {NetworkKind.ISOLATED.value: "local", NetworkKind.FLAT.value: "flat"}
KINDS = {name: kind for kind, name in TYPES.items()}
Mtu = Annotated[Whole, Field(ge=68, le=9216)]
Zone = Annotated[str, Field(max_length=255)]


class NetworkCreate(Creation):
    """POST /networks."""

    UNUSED: ClassVar[frozenset[str]] = frozenset({"network_type"})

    name: Text = ""
    admin_state_up: LooseBool = True
    shared: LooseBool = False
    external: LooseBool = Field(default=False, alias="router:external")
    is_default: LooseBool = False
    port_security_enabled: LooseBool = True
    mtu: Mtu | None = None
    dns_domain: DnsDomain = ""
    availability_zone_hints: Annotated[tuple[Zone, ...], Field(max_length=16)] = ()
    network_type: Literal["local", "flat"] | None = Field(
        default=None, alias="provider:network_type"
    )
    physical_network: Annotated[str, Field(max_length=64)] = Field(
        default="", alias="provider:physical_network"
    )

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


def network_body(network: Network, *, for_operator: bool) -> dict[str, Any]:
    """Return one network; what the provider made it of is for operators."""
    body = {
        "id": str(network.id),
        "name": network.name,
        **owner(network),
        "admin_state_up": network.admin_state_up,
        "status": network.status,
        "subnets": [str(subnet.id) for subnet in network.subnets.all()],
        "shared": network.shared,
        "router:external": network.external,
        "is_default": network.is_default,
        "mtu": network.mtu,
        "port_security_enabled": network.port_security_enabled,
        "availability_zone_hints": network.availability_zone_hints,
        "availability_zones": conf.ZONES,
        "ipv4_address_scope": None,
        "ipv6_address_scope": None,
        "qos_policy_id": None,
        "dns_domain": network.dns_domain,
        "l2_adjacency": True,
        "vlan_transparent": None,
        **standard(network),
    }
    if for_operator:
        body["provider:network_type"] = TYPES[network.kind]
        body["provider:physical_network"] = network.physical_network or None
        body["provider:segmentation_id"] = None
    return body


NETWORK = Resource(
    singular="network",
    plural="networks",
    create=NetworkCreate,
    update=NetworkUpdate,
    render=network_body,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "admin_state_up": flag("admin_state_up"),
        "status": status_by_switch,
        "shared": flag("shared"),
        "router:external": flag("external"),
        "is_default": flag("is_default"),
        "port_security_enabled": flag("port_security_enabled"),
        "mtu": number("mtu"),
        "dns_domain": equal("dns_domain"),
    },
    operator_filters={
        "provider:network_type": equal("kind", KINDS),
        "provider:physical_network": equal("physical_network"),
    },
    sort_keys={
        "name": "name",
        "admin_state_up": "admin_state_up",
        "mtu": "mtu",
        "shared": "shared",
    },
)
