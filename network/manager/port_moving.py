"""Ports of guests that go to another host while they run: on both hosts for a time, bound to one."""

from __future__ import annotations

from django.db import transaction

from cloudweb.policy import policy
from network.exceptions.ports import PortNotFound
from network.manager.standard import Identifier, StandardManager, number
from network.models import Port
from network.moved import ports_moved
from network.objects import PortWiring
from network.states import GOES_TO
from network.telling import wiring_to_expect


class PortMoving(StandardManager[Port]):
    """What live migrations do with ports, besides ``bind``, which lets the new host have them."""

    model = Port
    missing = PortNotFound

    @policy("network:ports:bind")
    def expect(self, port_id: Identifier, host: str) -> PortWiring:
        """Note where a port goes; return what that host shall make of it, though it is another's still.

        Raises PortNotFound.
        """
        with transaction.atomic(savepoint=False):
            port = self._writable(port_id, "network:ports:bind")
            if port.binding_profile.get(GOES_TO) != host:
                profile = {**port.binding_profile, GOES_TO: host}
                Port.objects.filter(id=port.id).touch(binding_profile=profile)
                ports_moved(port, at_once=True)
            told = wiring_to_expect(number(port_id), host)
        if told is None:
            raise PortNotFound(port_id)
        return told

    @policy("network:ports:bind")
    def settle(self, port_id: Identifier) -> None:
        """Note that a port goes nowhere; raise PortNotFound."""
        port = self._writable(port_id, "network:ports:bind")
        if GOES_TO not in port.binding_profile:
            return
        with transaction.atomic(savepoint=False):
            rest = {key: value for key, value in port.binding_profile.items() if key != GOES_TO}
            Port.objects.filter(id=port.id).touch(binding_profile=rest)
            ports_moved(port)
