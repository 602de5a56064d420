"""What other services of a cloud tell about its servers (contract 3.4)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.exceptions import NotFound
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from instances.block_devices import DiskStatus
from instances.models import BlockDevice, Instance, InstancePort
from instances.operations import DetachInterface, ExtendVolumeInGuest
from instances.states import VmState
from volume.manager import VolumeManager

GROWN = "volume-extended"
PORT_GONE = "network-vif-deleted"


class NoServersOfEvents(NotFound):
    """None of the events is about a server that could hear it."""

    code = "no_servers_of_events"
    default_message = "No instances found for any event"


@dataclass(frozen=True, slots=True)
class ExternalEvent:
    """Something that happened to a server; ``tag`` names the port or the volume."""

    name: str
    server_id: uuid.UUID
    tag: str = ""
    status: str = "completed"


class ExternalEventManager(Manager):
    """Takes events; each has an HTTP status of its own.

    Of what is told of networks only that a port is gone is something to do: the cloud reads its own anew.
    """

    @policy("compute:external_events:create")
    def create(self, events: Sequence[ExternalEvent]) -> Sequence[int]:
        """Do what the events ask for and return what became of each: 200, 404, or 422.

        The last is said of servers that are on no host, and of cards of those whose memory is on disk.

        Raises NoServersOfEvents where that is nothing.
        """
        keys = {one.server_id for one in events}
        rows = Instance.objects.alive().filter(id__in=keys).only("host", "vm_state")
        servers = {row.id: row for row in rows}
        with transaction.atomic():
            codes = [self._code(one, servers) for one in events]
        if not {200} & {*codes}:
            raise NoServersOfEvents
        return codes

    def _code(self, event: ExternalEvent, servers: dict[uuid.UUID, Instance]) -> int:
        key = event.server_id
        if key not in servers:
            return 404
        in_memory = servers[key].vm_state == VmState.SUSPENDED
        if not servers[key].host or (in_memory and event.name == PORT_GONE):
            return 422
        if event.name == GROWN and event.status == "completed":
            return 200 if self._show_size(key, event.tag) else 404
        if event.name == PORT_GONE:
            return 200 if self._lose_card(key, event.tag) else 404
        return 200

    def _lose_card(self, instance_id: uuid.UUID, tag: str) -> bool:
        """Take the card of a port from the guest; tell whether it has one."""
        port_id = as_uuid(tag)
        rows = InstancePort.objects.filter(instance_id=instance_id, status=DiskStatus.ATTACHED)
        if port_id is None or not rows.filter(port_id=port_id).update(status=DiskStatus.DETACHING):
            return False
        args = {"port": str(port_id)}
        DetachInterface.start(self.context, resource_id=str(instance_id), args=args)
        return True

    def _show_size(self, instance_id: uuid.UUID, tag: str) -> bool:
        """Let the guest see how large its volume is; tell whether it has it."""
        volume_id = as_uuid(tag)
        rows = BlockDevice.objects.filter(instance_id=instance_id, status=DiskStatus.ATTACHED)
        device = rows.filter(volume_id=volume_id).first() if volume_id else None
        if device is None:
            return False
        size = VolumeManager(RequestContext.system()).get(tag).size
        args = {"device": device.pk, "size": size}
        ExtendVolumeInGuest.start(self.context, resource_id=str(instance_id), args=args)
        return True
