"""Ports on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from django.db.models import Q
from pydantic import BaseModel, Field, model_validator

from cloudweb.addresses import canonical_address
from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, IpAddress, IpPrefix, LooseBool, Text
from cloudweb.api.filters import canonical, equal, flag, identifier
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Always, Filled, Of
from cloudweb.exceptions import InvalidInput
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.resource import FOR_OPERATORS, OPERATOR
from network.api.serializers.attributes import (
    Change,
    Creation,
    DnsDomain,
    DnsLabel,
    Mac,
    Nothing,
    StandardShown,
    Version,
)
from network.mac import normal_mac
from network.objects import NetworkWiring
from network.rows import PortRow

DEFAULT_DOMAIN = str(NetworkWiring.model_fields["dns_domain"].default)
HOST_NAME = r"^([a-z0-9][a-z0-9.-]{0,62})?$"


class FixedIp(Body):
    """A wish for an address: a subnet, an address, or both."""

    subnet_id: UUID | None = None
    ip_address: IpAddress | None = None

    @model_validator(mode="after")
    def _says_something(self) -> FixedIp:
        if self.subnet_id is None and self.ip_address is None:
            raise ValueError("It needs subnet_id or ip_address")
        return self


class AddressPair(Body):
    """An address, or block, beside its own that a port may send from."""

    ip_address: IpPrefix
    mac_address: Mac | None = None


class DhcpOption(Body):
    """An option for DHCP's answer to the port."""

    opt_name: Annotated[Text, Field(min_length=1, max_length=64)]
    opt_value: Text | None = None
    ip_version: Version = 4


FixedIps = Annotated[tuple[FixedIp, ...], Field(max_length=16)]
Groups = Annotated[tuple[UUID, ...], Field(max_length=32)]
Pairs = Annotated[tuple[AddressPair, ...], Field(max_length=32)]
Options = Annotated[tuple[DhcpOption, ...], Field(max_length=32)]
Host = Annotated[str, Field(pattern=HOST_NAME)]
UNUSED = frozenset({"vnic_type"})


class PortCreate(Creation):
    """POST /ports."""

    UNUSED: ClassVar[frozenset[str]] = UNUSED

    network_id: UUID
    name: Text = ""
    admin_state_up: LooseBool = True
    mac_address: Mac | None = None
    fixed_ips: FixedIps | None = None
    device_id: Text = ""
    device_owner: Text = ""
    security_group_ids: Groups | None = Field(default=None, alias="security_groups")
    port_security_enabled: LooseBool | None = None
    allowed_address_pairs: Pairs = ()
    extra_dhcp_opts: Options = ()
    hostname: DnsLabel = Field(default="", alias="dns_name")
    dns_domain: DnsDomain = ""
    host: Host | None = Field(default=None, alias="binding:host_id")
    binding_profile: dict[str, Any] | None = Field(default=None, alias="binding:profile")
    vnic_type: Literal["normal"] = Field(default="normal", alias="binding:vnic_type")
    qos_policy_id: UUID | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said, parts as plain mappings."""
        return _plain(super().said())


class PortUpdate(Change):
    """PUT /ports/{id}. A null for the MAC address asks for another one."""

    UNUSED: ClassVar[frozenset[str]] = UNUSED

    name: Text = ""
    admin_state_up: LooseBool = True
    mac_address: Mac | None = ""
    fixed_ips: FixedIps = ()
    device_id: Text = ""
    device_owner: Text = ""
    security_group_ids: Groups = Field(default=(), alias="security_groups")
    port_security_enabled: LooseBool = True
    allowed_address_pairs: Pairs = ()
    extra_dhcp_opts: Options = ()
    hostname: DnsLabel = Field(default="", alias="dns_name")
    dns_domain: DnsDomain = ""
    host: Host | None = Field(default="", alias="binding:host_id")
    binding_profile: dict[str, Any] = Field(default_factory=dict, alias="binding:profile")
    vnic_type: Literal["normal"] = Field(default="normal", alias="binding:vnic_type")
    qos_policy_id: UUID | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said, parts as plain mappings; no host is an empty one."""
        said = _plain(super().said())
        if "host" in said:
            said["host"] = said["host"] or ""
        return said


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    for name in ("fixed_ips", "allowed_address_pairs", "extra_dhcp_opts"):
        if said.get(name) is not None:
            said[name] = [
                part.model_dump(mode="json", exclude_none=True)
                for part in said[name]
                if isinstance(part, BaseModel)
            ]
    return said


def _assignment(hostname: str, domain: str, address: str) -> dict[str, str]:
    name = hostname or f"host-{address.replace('.', '-').replace(':', '-')}"
    return {"ip_address": address, "hostname": name, "fqdn": f"{name}.{domain}."}


def _assignments(row: PortRow) -> list[dict[str, str]]:
    domain = (row.network_dns_domain or DEFAULT_DOMAIN).rstrip(".")
    return [_assignment(row.hostname, domain, address) for _, address in row.addresses]


def _addresses(row: PortRow) -> list[dict[str, str]]:
    return [{"subnet_id": subnet_id, "ip_address": address} for subnet_id, address in row.addresses]


class FixedIpShown(Answer):
    """An address of a port."""

    subnet_id: str
    ip_address: str


class AssignmentShown(Answer):
    """Under which name an address is found."""

    ip_address: str
    hostname: str
    fqdn: str


class TrunkSubport(Answer):
    """A port that the port carries."""

    port_id: str
    segmentation_type: str
    segmentation_id: int
    mac_address: str


class TrunkDetails(Answer):
    """The trunk that the port is the parent of."""

    trunk_id: str
    sub_ports: list[TrunkSubport]


class PortShown(StandardShown):
    """A port; where it is bound is for operators. Its row has texts for ids."""

    id: str
    name: str
    network_id: str
    mac_address: str
    fixed_ips: Annotated[list[FixedIpShown], Of(_addresses)]
    device_id: str
    device_owner: str
    admin_state_up: bool
    status: str
    group_ids: Annotated[list[str], Field(alias="security_groups")]
    allowed_address_pairs: list[dict[str, str]]
    extra_dhcp_opts: list[dict[str, Any]]
    port_security_enabled: bool
    vnic_type: Annotated[str, Field(alias="binding:vnic_type"), Always("normal")]
    hostname: Annotated[str, Field(alias="dns_name")]
    dns_domain: str
    dns_assignment: Annotated[list[AssignmentShown], Of(_assignments)]
    qos_policy_id: str | None
    qos_network_policy_id: str | None
    resource_request: Nothing
    ip_allocation: Annotated[str, Of(lambda row: "immediate" if row.addresses else "none")]
    propagate_uplink_status: Annotated[bool, Always(True)]
    trunk_details: Annotated[TrunkDetails | None, Filled()] = None
    host: Annotated[str, Field(alias="binding:host_id"), FOR_OPERATORS] = ""
    binding_profile: Annotated[
        dict[str, Any], Field(default_factory=dict, alias="binding:profile"), FOR_OPERATORS
    ]
    vif_type: Annotated[
        str,
        Field(alias="binding:vif_type"),
        Of(lambda row: "bridge" if row.host else "unbound"),
        FOR_OPERATORS,
    ] = ""
    vif_details: Annotated[
        dict[str, bool],
        Field(default_factory=dict, alias="binding:vif_details"),
        Of(lambda row: {"port_filter": True} if row.host else {}),
        FOR_OPERATORS,
    ]


_exactly = canonical("addresses__ip_address", canonical_address)
_FIXED_IPS = {
    "ip_address": lambda text: _exactly([text]),
    "ip_address_substr": lambda text: Q(addresses__ip_address__contains=text.lower()),
}


def by_fixed_ips(values: Sequence[str]) -> Q:
    """Read ``ip_address=10.0.0.5``, ``subnet_id=…`` and ``ip_address_substr=10.0``.

    Values of one key are OR-ed, keys are AND-ed.
    """
    found: dict[str, Q] = {}
    for value in values:
        key, separator, text = value.partition("=")
        if separator and key == "subnet_id":
            condition = identifier("addresses__subnet_id")([text])
        elif separator and key in _FIXED_IPS:
            condition = _FIXED_IPS[key](text)
        else:
            raise InvalidInput(
                field="fixed_ips",
                value=value,
                reason="It must be ip_address=, ip_address_substr= or subnet_id=.",
            )
        found[key] = found.get(key, Q()) | condition
    combined = Q()
    for condition in found.values():
        combined &= condition
    return combined


PORT = Resource(
    singular="port",
    plural="ports",
    answer=PortShown,
    create=PortCreate,
    update=PortUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "network_id": identifier("network_id"),
        "mac_address": canonical("mac_address", normal_mac),
        "device_id": equal("device_id"),
        "device_owner": equal("device_owner"),
        "admin_state_up": flag("admin_state_up"),
        "status": equal("status"),
        "port_security_enabled": flag("port_security_enabled"),
        "dns_name": equal("hostname"),
        "qos_policy_id": identifier("qos_policy_id"),
        "qos_network_policy_id": identifier("network__qos_policy_id"),
    },
    list_filters={
        "fixed_ips": by_fixed_ips,
        "security_groups": identifier("memberships__security_group_id"),
    },
    guard=OPERATOR,
    guarded_filters={"binding:host_id": equal("host")},
    sort_keys={
        **STANDARD_SORT_KEYS,
        "name": "name",
        "network_id": "network_id",
        "mac_address": "mac_address",
        "device_id": "device_id",
        "device_owner": "device_owner",
        "admin_state_up": "admin_state_up",
        "status": "status",
    },
)
