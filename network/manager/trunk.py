"""Trunks: one card of a server that carries ports on other networks, each as a VLAN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from django.db import transaction

from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import policy
from network import quota, states
from network.drivers.base import TRUNKS
from network.exceptions.trunks import (
    SubPortNotFound,
    TrunkDisabled,
    TrunkNotFound,
    TrunksNotOffered,
)
from network.manager.capability import offered
from network.manager.standard import Identifier, StandardManager, number
from network.manager.trunk_parts import (
    WantedSubport,
    check_parent,
    check_subport,
    locked_ports,
    numbered,
    wanted_of,
)
from network.models import Port, Subport, Trunk
from network.trunks.following import follow, let_go

Said = Sequence[Mapping[str, object]]


class TrunkChanges(TypedDict, total=False):
    """What may change on a trunk."""

    name: str
    description: str
    admin_state_up: bool


class TrunkManager(StandardManager[Trunk]):
    """Trunks of the caller's project."""

    model = Trunk
    missing = TrunkNotFound

    @policy("network:trunks:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Trunk]:
        """Return own trunks."""
        return self._page(listing)

    @policy("network:trunks:get")
    def get(self, trunk_id: Identifier) -> Trunk:
        """Return a trunk; raise TrunkNotFound."""
        return self._get(trunk_id)

    @policy("network:trunks:create")
    def create(
        self,
        *,
        port_id: Identifier,
        name: str = "",
        description: str = "",
        admin_state_up: bool = True,
        sub_ports: Said = (),
        project_id: str | None = None,
    ) -> Trunk:
        """Let a port carry others; it may be a server's already.

        Raises TrunksNotOffered, PortNotFound, TrunkPortInUse, ParentPortInUse, and what
        ``add_subports`` does.
        """
        if not offered(TRUNKS):
            raise TrunksNotOffered
        wanted = wanted_of(sub_ports)
        with transaction.atomic():
            project = self._project(project_id)
            quota.reserve(project, "trunk")
            ports = locked_ports(self.context, {number(port_id), *(one.port_id for one in wanted)})
            parent = ports[number(port_id)]
            check_parent(parent)
            trunk = Trunk(
                project_id=project,
                name=name,
                description=description,
                admin_state_up=admin_state_up,
                port=parent,
            )
            trunk.save(force_insert=True)
            Port.objects.filter(id=parent.id).update(trunk_role=states.PARENT)
            self._add(trunk, parent, wanted, ports)
            follow(parent.id)
        return self._get(trunk.id)

    @policy("network:trunks:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[Trunk]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:trunks:update")
    def update(
        self,
        trunk_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[TrunkChanges],
    ) -> Trunk:
        """Rename or describe a trunk, or shut it against changes of its subports."""
        trunk = self._writable(trunk_id, "network:trunks:update")
        with transaction.atomic():
            trunk = self._changing(trunk, if_revision)
            for name, value in changes.items():
                setattr(trunk, name, value)
            if changes:
                trunk.save(update_fields=list(changes))
        return self._get(trunk.id)

    @policy("network:trunks:update")
    def add_subports(self, trunk_id: Identifier, sub_ports: Said) -> Trunk:
        """Let it carry more ports, all or none; a server that runs has them at once.

        Raises PortNotFound, TrunkDisabled, TrunkPortInUse, SubPortInUse, DuplicateSubPort,
        SubPortMtuGreaterThanTrunkPortMtu, and InvalidInput.
        """
        wanted = wanted_of(sub_ports)
        trunk = self._writable(trunk_id, "network:trunks:update")
        with transaction.atomic():
            trunk, parent = self._open(trunk)
            ports = locked_ports(self.context, {one.port_id for one in wanted})
            self._add(trunk, parent, wanted, ports)
            follow(parent.id)
        return self._get(trunk.id)

    @policy("network:trunks:update")
    def remove_subports(self, trunk_id: Identifier, port_ids: Sequence[Identifier]) -> Trunk:
        """Let it carry these no more, all or none; raise SubPortNotFound, TrunkDisabled."""
        trunk = self._writable(trunk_id, "network:trunks:update")
        with transaction.atomic():
            trunk, parent = self._open(trunk)
            ids = sorted({*map(number, port_ids)})
            there = {*Subport.objects.filter(trunk=trunk).values_list("port", flat=True)}
            for port_id in ids:
                if port_id not in there:
                    raise SubPortNotFound(port_id, trunk_id=trunk.id)
            self._remove(ids)
            follow(parent.id)
        return self._get(trunk.id)

    @policy("network:trunks:delete")
    def delete(self, trunk_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a trunk; its ports stay, the parent with its server, the others alone."""
        trunk = self._writable(trunk_id, "network:trunks:delete")
        with transaction.atomic():
            Port.objects.filter(id=trunk.port_id).touch()
            trunk = self._changing(trunk, if_revision)
            self._remove(sorted(subport.port_id for subport in trunk.subports.all()))
            Port.objects.filter(id=trunk.port_id).update(trunk_role="")
            trunk.delete()

    def _open(self, trunk: Trunk) -> tuple[Trunk, Port]:
        """Lock a trunk with its parent, that first; raise TrunkDisabled."""
        Port.objects.filter(id=trunk.port_id).touch()
        trunk = self._changing(trunk, None)
        if not trunk.admin_state_up:
            raise TrunkDisabled(trunk.id)
        return trunk, Port.objects.complete().get(id=trunk.port_id)

    def _add(
        self,
        trunk: Trunk,
        parent: Port,
        wanted: Sequence[WantedSubport],
        ports: Mapping[Any, Port],
    ) -> None:
        for one in wanted:
            check_subport(ports[one.port_id], parent=parent)
        Subport.objects.bulk_create(numbered(trunk, wanted, ports))
        Port.objects.filter(id__in=[one.port_id for one in wanted]).update(
            trunk_role=states.SUBPORT,
            device_owner=states.SUBPORT_OWNER,
            device_id=str(trunk.id),
        )

    def _remove(self, port_ids: Sequence[Any]) -> None:
        for port_id in port_ids:
            let_go(Port.objects.complete().get(id=port_id))
        Subport.objects.filter(port__in=port_ids).delete()
