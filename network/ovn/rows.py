"""Rows of OVN's northbound database as they shall be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: A column: of one value, of a set (an optional value is a set of one), or of a map.
Value = (
    str
    | int
    | bool
    | Sequence[str]
    | Sequence[int]
    | Sequence[bool]
    | Mapping[str, str]
    | Mapping[str, int]
)

#: What a row's ``external_ids`` hold of ours: its key, which no other row of its table has; the key of the row
#: that it is part of.
KEY, PARENT = "cloudweb-key", "cloudweb-parent"

#: The tables of which we have rows, and the table and column that a row of theirs is part of.
PARTS: Mapping[str, tuple[str, str] | None] = {
    "Logical_Switch": None,
    "Logical_Switch_Port": ("Logical_Switch", "ports"),
    "DHCP_Options": None,
    "DNS": None,
    "Address_Set": None,
    "Port_Group": None,
    "ACL": ("Port_Group", "acls"),
    "QoS": ("Logical_Switch", "qos_rules"),
    "Logical_Router": None,
    "Logical_Router_Port": ("Logical_Router", "ports"),
    "Logical_Router_Static_Route": ("Logical_Router", "static_routes"),
    "NAT": ("Logical_Router", "nat"),
    "Gateway_Chassis": ("Logical_Router_Port", "gateway_chassis"),
    "Load_Balancer": None,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    ``key`` begins with its owner, ``network/<id>`` or ``router/<id>``: what is compared together. ``refers``
    are columns that name other rows of ours, by table and keys. ``parent`` is the key of the row it is
    part of. Columns that are not said are left as they are.
    """

    table: str
    key: str
    columns: Mapping[str, Value] = field(default_factory=dict)
    refers: Mapping[str, tuple[str, Sequence[str]]] = field(default_factory=dict)
    parent: str = ""

    @property
    def owner(self) -> str:
        """What it is compared with."""
        return owner_of(self.key)


def owner_of(key: str) -> str:
    """Return the network or router that a key belongs to."""
    return "/".join(key.split("/", 2)[:2])


def network_key(network_id: object) -> str:
    """Return the key of a network's switch."""
    return f"network/{network_id}"


def router_key(router_id: object) -> str:
    """Return the key of a router."""
    return f"router/{router_id}"


def port_key(network_id: object, port_id: object) -> str:
    """Return the key of a port on its network's switch."""
    return f"network/{network_id}/port/{port_id}"
