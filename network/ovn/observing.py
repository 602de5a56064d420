"""What OVN's northbound database has of a port or router, looked at for a path trace."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID

from network.ovn.selecting import Selection
from network.ovn.texts import symbol
from network.trace.objects import MEMBERSHIP, ROUTER, PortLook, Sighting

SOURCE = "OVN northbound"


@dataclass(frozen=True, slots=True)
class Membership:
    """What a port shall be in: its groups, and the sets of remote groups by which a packet is let through.

    Each of ``sets`` is a group, with the address that is in it.
    """

    groups: Collection[UUID]
    secured: bool
    sets: Sequence[tuple[UUID, str]] = ()


def look_at_port(look: PortLook, member: Membership) -> Sighting:
    """Tell whether a port's row is there and enabled, in all its groups, and these are filled.

    Raises NorthboundAway, TlsUnusable.
    """
    network = UUID(look.network_id)
    seen = Sighting(kind=MEMBERSHIP, about=look.port_id, passes=False, source=SOURCE)
    wanted = {symbol("sg", group, network) for group in member.groups} if member.secured else set()
    wanted |= {symbol("secured", network)} if member.secured else set()
    named = [
        (symbol("in6" if ":" in address else "in4", group, network), address)
        for group, address in member.sets
    ]
    with closing(Selection()) as database:
        columns = ("_uuid", "enabled")
        (ports,) = database.rows(("Logical_Switch_Port", [["name", "==", look.port_id]], columns))
        if not ports:
            return seen.model_copy(update={"detail": f"no Logical_Switch_Port {look.port_id}"})
        if ports[0]["enabled"] is False:
            return seen.model_copy(update={"detail": "its Logical_Switch_Port is not enabled"})
        groups, *sets = database.rows(
            ("Port_Group", [["ports", "includes", ports[0]["_uuid"]]], ("name",)),
            *(("Address_Set", [["name", "==", name]], ("addresses",)) for name, _ in named),
        )
    lacking = sorted(wanted - {one["name"] for one in groups})
    if lacking:
        return seen.model_copy(update={"detail": f"not in Port_Group {', '.join(lacking)}"})
    for (name, address), rows in zip(named, sets, strict=True):
        if not any(_holds(row["addresses"], address) for row in rows):
            return seen.model_copy(update={"detail": f"Address_Set {name} lacks {address}"})
    return seen.model_copy(update={"passes": True, "detail": f"in {len(groups)} of Port_Group"})


def look_at_router(router_id: str) -> Sighting:
    """Tell whether a router's row is there; raises as above."""
    with closing(Selection()) as database:
        (rows,) = database.rows(
            ("Logical_Router", [["name", "==", f"router-{router_id}"]], ("enabled",))
        )
    passes = bool(rows) and rows[0]["enabled"] is not False
    detail = "" if passes else f"no Logical_Router router-{router_id}, or not enabled"
    return Sighting(kind=ROUTER, about=router_id, passes=passes, source=SOURCE, detail=detail)


def _holds(column: object, address: str) -> bool:
    """Tell whether a set as OVSDB writes it holds an address: one value alone, or ["set", [...]]."""
    if isinstance(column, list) and column[:1] == ["set"]:
        return address in column[1]
    return column == address
