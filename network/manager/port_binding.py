"""Ports and hosts: who has a port, what its host is told, what it answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from cloudweb.database.prepared import Given, Prepared, PreparedUpdate
from cloudweb.exceptions import InvalidInput
from cloudweb.policy import policy
from network import states
from network.exceptions.ports import PortInUse, PortNotFound
from network.manager.standard import Identifier, StandardManager, number
from network.models import Port
from network.moved import ports_moved
from network.network_hosts import IPNetwork, hosts_on, hosts_within
from network.objects import ForwardingStatus, GroupStatus, PortRef, PortWiring, tap_name
from network.plugging import note_plugged
from network.resolution import port_ref, port_wirings
from network.telling import wiring_to_plug
from network.trunks.following import follow

_INACTIVE = PreparedUpdate(
    lambda: Port.objects.filter(id=Given("id")), "status", applied_revision=0
)
_CARDS = Prepared(
    lambda: Port.objects.filter(id__among=Given("ids")).values_list(
        "id", "mac_address", "network__mtu"
    )
)


class PortPlug(NamedTuple):
    """A port as a guest's interface has it."""

    id: str
    mac: str
    tap: str
    mtu: int


class PortBinding(StandardManager[Port]):
    """What a server's operations do with its ports."""

    model = Port
    missing = PortNotFound

    @policy("network:ports:bind")
    def hosts_on(self, network_ids: Sequence[Identifier]) -> Collection[str] | None:
        """Return the hosts that can serve all of these networks, None where any can."""
        return hosts_on(map(number, network_ids))

    @policy("network:ports:bind")
    def hosts_within(self, addresses: IPNetwork) -> Collection[str]:
        """Return the hosts that reach others by one of these addresses."""
        return hosts_within(addresses)

    @policy("network:ports:of_servers")
    def of_servers(self) -> Mapping[str, str]:
        """Return the ports that are cards of servers, each with its server's id.

        They are bound to a host; what a tenant wrote into a port of its own is not believed.
        """
        rows = Port.objects.filter(device_owner__startswith="compute:")
        rows = rows.exclude(device_id="").exclude(host="")
        return {str(key): device for key, device in rows.values_list("id", "device_id")}

    @policy("network:ports:bind")
    def bind(
        self,
        port_id: Identifier,
        *,
        host: str,
        device_id: str,
        device_owner: str,
        hostname: str = "",
    ) -> Port:
        """Give a free port to a device on a host; raise PortInUse while it serves another.

        Safe to repeat; a port that moves to another host starts there as DOWN.
        """
        port = self._writable(port_id, "network:ports:bind")
        mine = Port.objects.filter(id=port.id, device_id__in=("", device_id))
        moved = (
            {}
            if port.host == host
            else {"applied_revision": 0, "ordered_revision": 0, "status": states.DOWN}
        )
        changes = {"hostname": hostname} if hostname else {}
        if not mine.touch(
            host=host, device_id=device_id, device_owner=device_owner, **changes, **moved
        ):
            raise PortInUse(port.id)
        Port.objects.filter(id=port.id).raise_wiring()
        if moved:
            ports_moved(port)
        if port.trunk_role == states.PARENT:
            follow(port.id)
        return self._get(port.id)

    @policy("network:ports:bind")
    def unbind(self, port_id: Identifier) -> Port:
        """Take a port from its device and host; safe to repeat."""
        port = self._writable(port_id, "network:ports:bind")
        Port.objects.filter(id=port.id).touch(
            host="",
            device_id="",
            device_owner="",
            hostname="",
            status=states.DOWN,
            ordered_revision=0,
            applied_revision=0,
        )
        Port.objects.filter(id=port.id).raise_wiring()
        ports_moved(port)
        if port.trunk_role == states.PARENT:
            follow(port.id)
        return self._get(port.id)

    @policy("network:ports:set_status")
    def set_status(
        self,
        port_id: Identifier,
        status: str,
        *,
        groups: Sequence[GroupStatus] = (),
        forwarding: ForwardingStatus | None = None,
    ) -> None:
        """Record what a host made of the port; a port that is gone is no error.

        ACTIVE confirms the wiring that was handed out last (``wiring``); what changed since is told
        to the host again. ``groups`` and ``forwarding``: what the host has for it besides.
        """
        if status not in states.PORT_STATUSES:
            raise InvalidInput(field="status", value=status, reason="No port has it.")
        key = number(port_id)
        with transaction.atomic(savepoint=False):
            if status != states.ACTIVE:
                _INACTIVE(id=key, status=status)
            elif note_plugged(key, groups=groups, forwarding=forwarding) == states.PARENT:
                follow(key)

    @policy("network:ports:wiring")
    def wiring(self, port_id: Identifier) -> PortWiring:
        """Return what the port's host shall make of it, for an order; raise PortNotFound.

        Call it where the order is built: the port remembers which revision was told.
        """
        told = wiring_to_plug(number(port_id))
        if told is None:
            raise PortNotFound(port_id)
        return told

    @policy("network:ports:wiring")
    def pictures(self, port_ids: Sequence[Identifier]) -> Sequence[PortWiring]:
        """Return ports as they shall be, in this order, for whoever only looks; absent ones are left out."""
        found = {UUID(wiring.id): wiring for wiring in port_wirings([*map(number, port_ids)])}
        return [found[key] for key in map(number, port_ids) if key in found]

    @policy("network:ports:wiring")
    def plugs(self, port_ids: Sequence[Identifier]) -> Sequence[PortPlug]:
        """Return what a guest is made with of its ports, in this order; absent ones are left out."""
        keys = [*map(number, port_ids)]
        rows = _CARDS.rows(ids=keys)
        found = {key: PortPlug(str(key), mac, tap_name(str(key)), mtu) for key, mac, mtu in rows}
        return [found[key] for key in keys if key in found]

    @policy("network:ports:get")
    def ref(self, port_id: Identifier) -> PortRef:
        """Return what an order needs that takes the port away; raise PortNotFound."""
        return port_ref(self._get(port_id))
