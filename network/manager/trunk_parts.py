"""What is asked of ports before they are in a trunk, and of those that are in one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from cloudweb.context import RequestContext
from cloudweb.exceptions import Conflict, InvalidInput
from network import states
from network.exceptions.ports import PortNotFound
from network.exceptions.trunks import (
    DuplicateSubPort,
    ParentPortInUse,
    PortInUseAsSubPort,
    PortInUseAsTrunkParent,
    SubPortInUse,
    SubPortMtuGreaterThanTrunkPortMtu,
    TrunkPortInUse,
)
from network.manager.standard import Identifier, number
from network.models import Port, Subport, Trunk
from network.models.network import NetworkKind

INHERIT = "inherit"


class WantedSubport(NamedTuple):
    """A port for a trunk, with its VLAN's number; None: that of its network."""

    port_id: UUID
    segmentation_id: int | None


def wanted_of(said: Sequence[Mapping[str, object]]) -> list[WantedSubport]:
    """Return what a client said of subports; raise InvalidInput for a port that is there twice."""
    wanted = [
        WantedSubport(
            number(str(one["port_id"])),
            None if one.get("segmentation_type") == INHERIT else int(str(one["segmentation_id"])),
        )
        for one in said
    ]
    if len({one.port_id for one in wanted}) != len(wanted):
        raise InvalidInput(
            field="sub_ports", value=[*map(dict, said)], reason="A port is there twice."
        )
    return wanted


def locked_ports(context: RequestContext, ids: Collection[Identifier]) -> dict[UUID, Port]:
    """Lock ports of the caller's, in an order that all keep, and return them; raise PortNotFound."""
    mine = Port.objects.visible_to(context)
    found: dict[UUID, Port] = {}
    for port_id in sorted(map(number, ids)):
        if not mine.filter(id=port_id).touch():
            raise PortNotFound(port_id)
        found[port_id] = Port.objects.complete().get(id=port_id)
    return found


def check_parent(port: Port) -> None:
    """Raise TrunkPortInUse or ParentPortInUse."""
    if port.trunk_role:
        raise TrunkPortInUse(port.id, trunk_id=trunk_of(port))
    if port.device_owner.startswith(states.CLOUD_OWNERS):
        raise ParentPortInUse(port.id, owner=port.device_owner)


def check_subport(port: Port, *, parent: Port) -> None:
    """Raise TrunkPortInUse, SubPortInUse or SubPortMtuGreaterThanTrunkPortMtu."""
    if port.trunk_role or port.id == parent.id:
        raise TrunkPortInUse(port.id, trunk_id=trunk_of(port) or "this")
    if port.device_id or port.host or port.device_owner.startswith(states.CLOUD_OWNERS):
        raise SubPortInUse(port.id, device=port.device_id or port.device_owner or port.host)
    if port.network.mtu > parent.network.mtu:
        raise SubPortMtuGreaterThanTrunkPortMtu(
            port.id, mtu=port.network.mtu, parent_mtu=parent.network.mtu
        )


def numbered(
    trunk: Trunk, wanted: Sequence[WantedSubport], ports: Mapping[UUID, Port]
) -> list[Subport]:
    """Return the rows of subports; raise DuplicateSubPort, or InvalidInput for a number that cannot be inherited."""
    taken = {*Subport.objects.filter(trunk=trunk).values_list("segmentation_id", flat=True)}
    rows = []
    for port_id, said in wanted:
        own = _inherited(ports[port_id]) if said is None else said
        if own in taken:
            raise DuplicateSubPort(own, trunk_id=trunk.id)
        taken.add(own)
        rows.append(Subport(trunk=trunk, port=ports[port_id], segmentation_id=own))
    return rows


def trunk_of(port: Port) -> UUID | None:
    """Return the id of the trunk that a port is in."""
    rows = Trunk.objects.filter(port=port) | Trunk.objects.filter(subports__port=port)
    return rows.values_list("id", flat=True).first()


def in_trunk(port: Port) -> Conflict:
    """Return why a port that is in a trunk stays as it is."""
    kind = PortInUseAsTrunkParent if port.trunk_role == states.PARENT else PortInUseAsSubPort
    return kind(port.id, trunk_id=trunk_of(port))


def _inherited(port: Port) -> int:
    network = port.network
    if network.kind != NetworkKind.VLAN or network.segmentation_id is None:
        raise InvalidInput(
            field="segmentation_type",
            value=INHERIT,
            reason=f"The network of port {port.id} is no VLAN, so it has no number to inherit.",
        )
    return network.segmentation_id
