"""Ports as plain values, read as tuples.

A model instance for each port, address and membership is most of what a list of a thousand would cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet

from cloudweb.database.uuids import Dashed
from network.models import PortAddress, PortSecurityGroup
from network.models.network import NetworkKind
from network.querysets import PortQuerySet


class FixedIp(NamedTuple):
    """An address of a port."""

    subnet_id: str
    ip_address: str


class GroupName(NamedTuple):
    """A security group of a port."""

    id: str
    name: str


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


def port_cards(ports: PortQuerySet) -> list[PortCard]:
    """Return ports as their devices show them, in three queries for all of them."""
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
    addresses, groups = fixed_ips(ids), _group_names(ids)
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
        )
        for port_id, network_id, name, kind, external, mac, status in found
    ]


def fixed_ips(port_ids: Iterable[str]) -> dict[str, list[FixedIp]]:
    """Return the addresses of each port that has any, in one query."""
    rows = PortAddress.objects.filter(port__in=[*port_ids]).order_by("id")
    return _by_port(rows.values_list(Dashed("port_id"), Dashed("subnet_id"), "ip_address"), FixedIp)


def _group_names(port_ids: Iterable[str]) -> dict[str, list[GroupName]]:
    rows = PortSecurityGroup.objects.filter(port__in=[*port_ids]).order_by("id")
    return _by_port(
        rows.values_list(Dashed("port_id"), Dashed("security_group_id"), "security_group__name"),
        GroupName,
    )


def _by_port(rows: QuerySet[Any, Any], kind: Any) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for port_id, *values in rows:
        found[port_id].append(kind(*values))
    return dict(found)
