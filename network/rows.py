"""Ports as plain values, read as tuples.

A model instance for each port, address and membership is most of what a list of a thousand would cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable

from cloudweb.database.uuids import Among, Dashed
from network import states
from network.models import FloatingIp, Port, PortAddress, PortSecurityGroup, Subport, Trunk
from network.models.network import NetworkKind
from network.querysets import PortQuerySet


class FixedIp(NamedTuple):
    """An address of a port."""

    subnet_id: str
    ip_address: str


class FloatingAddress(NamedTuple):
    """An address outside that leads to one of a port."""

    id: str
    fixed_ip_address: str
    floating_ip_address: str
    network_name: str


class GroupName(NamedTuple):
    """A security group of a port."""

    id: str
    name: str


class PortRow(NamedTuple):
    """All of a port that the API shows, from its columns in this order and the rows that it has."""

    id: str
    project_id: str
    network_id: str
    network_dns_domain: str
    name: str
    description: str
    mac_address: str
    admin_state_up: bool
    status: str
    device_id: str
    device_owner: str
    host: str
    hostname: str
    dns_domain: str
    port_security_enabled: bool
    allowed_address_pairs: list[dict[str, str]]
    extra_dhcp_opts: list[dict[str, Any]]
    binding_profile: dict[str, Any]
    qos_policy_id: str | None
    qos_network_policy_id: str | None
    tags: Sequence[str]
    revision: int
    created_at: datetime
    updated_at: datetime
    trunk_role: str
    addresses: Sequence[FixedIp] = ()
    group_ids: Sequence[str] = ()
    trunk_details: Mapping[str, Any] | None = None


_COLUMNS: dict[str, Combinable] = {
    "id": Dashed("id"),
    "network_id": Dashed("network_id"),
    "network_dns_domain": F("network__dns_domain"),
    "qos_policy_id": Dashed("qos_policy_id"),
    "qos_network_policy_id": Dashed("network__qos_policy_id"),
}
_LISTS = ("addresses", "group_ids", "trunk_details")
_ROLE = PortRow._fields.index("trunk_role")


class PortCard(NamedTuple):
    """A port as its device shows it: addresses and groups in the order they were given."""

    id: str
    network_id: str
    network_name: str
    is_reachable: bool
    mac_address: str
    status: str
    addresses: Sequence[FixedIp]
    groups: Sequence[GroupName]
    floating: Sequence[FloatingAddress] = ()

    def floating_of(self, address: FixedIp) -> list[FloatingAddress]:
        """Return the addresses outside that lead to this one."""
        return [one for one in self.floating if one.fixed_ip_address == address.ip_address]


def port_columns(ports: PortQuerySet) -> QuerySet[Any, Any]:
    """Ask for the columns of ``PortRow``, and no more."""
    names = [name for name in PortRow._fields if name not in _LISTS]
    return ports.values_list(*(_COLUMNS.get(name, F(name)) for name in names))


def port_rows(columns: Sequence[tuple[Any, ...]]) -> list[PortRow]:
    """Return ports from what ``port_columns`` asked for, with two queries for what all of them have."""
    ids = [row[0] for row in columns]
    addresses, groups = fixed_ips(ids), _group_ids(ids)
    trunks = _trunks([row[0] for row in columns if row[_ROLE] == states.PARENT])
    return [
        PortRow._make((*row, addresses.get(row[0], ()), groups.get(row[0], ()), trunks.get(row[0])))
        for row in columns
    ]


def port_row(port: Port) -> PortRow:
    """Return a model instance as the row that a list holds of it."""
    values = {name: getattr(port, name) for name in PortRow._fields if hasattr(port, name)}
    return PortRow(
        **values
        | {
            "id": str(port.id),
            "network_id": str(port.network_id),
            "network_dns_domain": port.network.dns_domain,
            "qos_policy_id": port.qos_policy_id and str(port.qos_policy_id),
            "qos_network_policy_id": (
                port.network.qos_policy_id and str(port.network.qos_policy_id)
            ),
            "addresses": [FixedIp(str(a.subnet_id), a.ip_address) for a in port.addresses.all()],
            "group_ids": [str(member.security_group_id) for member in port.memberships.all()],
            "trunk_details": (
                _trunks([str(port.id)]).get(str(port.id))
                if port.trunk_role == states.PARENT
                else None
            ),
        }
    )


def port_cards(ports: PortQuerySet) -> list[PortCard]:
    """Return ports as their devices show them, in four queries for all of them."""
    found = [
        *ports.values_list(
            Dashed("id"),
            Dashed("network_id"),
            "network__name",
            "network__kind",
            "network__external",
            "mac_address",
            "status",
        )
    ]
    ids = [row[0] for row in found]
    addresses, groups, floating = fixed_ips(ids), _group_names(ids), _floating_ips(ids)
    return [
        PortCard(
            id=port_id,
            network_id=network_id,
            network_name=name,
            is_reachable=kind == NetworkKind.FLAT or external,
            mac_address=mac,
            status=status,
            addresses=addresses.get(port_id, ()),
            groups=groups.get(port_id, ()),
            floating=floating.get(port_id, ()),
        )
        for port_id, network_id, name, kind, external, mac, status in found
    ]


def fixed_ips(port_ids: Iterable[str]) -> dict[str, list[FixedIp]]:
    """Return the addresses of each port that has any, in one query."""
    rows = PortAddress.objects.filter(Among("port_id", port_ids)).order_by("id")
    return _by_port(rows.values_list(Dashed("port_id"), Dashed("subnet_id"), "ip_address"), FixedIp)


def _floating_ips(port_ids: Iterable[str]) -> dict[str, list[FloatingAddress]]:
    rows = FloatingIp.objects.filter(Among("fixed_port_id", port_ids)).order_by("created_at", "id")
    columns = (
        Dashed("fixed_port_id"),
        Dashed("id"),
        "fixed_ip_address",
        "floating_ip_address",
        "floating_network__name",
    )
    return _by_port(rows.values_list(*columns), FloatingAddress)


def _group_ids(port_ids: Iterable[str]) -> dict[str, list[str]]:
    rows = PortSecurityGroup.objects.filter(Among("port_id", port_ids)).order_by("id")
    return _by_port(rows.values_list(Dashed("port_id"), Dashed("security_group_id")), str)


def _group_names(port_ids: Iterable[str]) -> dict[str, list[GroupName]]:
    rows = PortSecurityGroup.objects.filter(Among("port_id", port_ids)).order_by("id")
    return _by_port(
        rows.values_list(Dashed("port_id"), Dashed("security_group_id"), "security_group__name"),
        GroupName,
    )


def _trunks(port_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the trunk of each of these parents, with its subports; nothing is asked where there are none."""
    if not port_ids:
        return {}
    parents = Trunk.objects.filter(Among("port_id", port_ids))
    found: dict[str, dict[str, Any]] = {
        port_id: {"trunk_id": trunk_id, "sub_ports": []}
        for port_id, trunk_id in parents.values_list(Dashed("port_id"), Dashed("id"))
    }
    inside = Subport.objects.filter(Among("trunk__port_id", port_ids)).order_by("id")
    columns = Dashed("trunk__port_id"), Dashed("port_id"), "segmentation_id", "port__mac_address"
    for parent_id, port_id, number, mac in inside.values_list(*columns):
        found[parent_id]["sub_ports"].append(
            {
                "port_id": port_id,
                "segmentation_type": "vlan",
                "segmentation_id": number,
                "mac_address": mac,
            }
        )
    return found


def _by_port(rows: QuerySet[Any, Any], kind: Any) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for port_id, *values in rows:
        found[port_id].append(kind(*values))
    return dict(found)
