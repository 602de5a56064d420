"""Servers whose guests copy their volumes themselves, and go over to the copies while they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.rpc import Order
from compute.manager import HostManager
from compute.objects import EndMirrorRequest, GuestDisk, SwapDiskRequest, SwapState
from compute.rpc import END_MIRROR, MIRROR_DISK, SWAP_DISK
from instances.models import BlockDevice, Instance
from instances.operations.volumes import guest_disk
from instances.states import VmState
from operations.holding import Resource
from operations.saga import StepFailed
from volume import guests
from volume.guests import Copy
from volume.manager import AttachmentManager
from volume.objects import VolumeConnection

GONE = "The server has the volume no more."


class ServerCopier:
    """Servers that run, on hosts whose hypervisor exchanges disks of guests that do."""

    def obstacle(self, server_id: str) -> str:
        """Return why a server's guest cannot copy its volumes now, as part of a sentence."""
        key = as_uuid(server_id)
        found = Instance.objects.alive().filter(id=key).first() if key else None
        if found is None or found.vm_state != VmState.ACTIVE or found.task_state is not None:
            return "its server is not running, or busy"
        hosts = HostManager(RequestContext.system()).up_with("swap_disks", [found.host])
        return "" if found.host in hosts else "its server's hypervisor cannot do that now"

    def holds(self, server_id: str) -> Sequence[Resource]:
        """Return the server."""
        return [Resource("instance", server_id)]

    def mirror(self, copy: Copy) -> Order:
        """Order the copy to the server's host."""
        request = _request(copy)
        return MIRROR_DISK.order(host=_host(copy), resource_id=request.id, payload=request)

    def end_mirror(self, copy: Copy) -> Order | None:
        """Order that nothing is mirrored; nothing where the disk is gone, with its mirror."""
        row = _device(copy)
        if row is None or not row.instance.host:
            return None
        request = EndMirrorRequest(
            id=str(row.instance_id),
            name=row.instance.hypervisor_name,
            serial=row.known_as,
            target=copy.after.volume_id,
        )
        return END_MIRROR.order(host=row.instance.host, resource_id=request.id, payload=request)

    def go_over(self, copy: Copy) -> Order:
        """Order the guest over."""
        request = _request(copy)
        return SWAP_DISK.order(host=_host(copy), resource_id=request.id, payload=request)

    def has_gone_over(self, answer: Mapping[str, Any]) -> bool:
        """Return what the host says of the guest."""
        return SwapState.load({**answer}).swapped


def _device(copy: Copy) -> BlockDevice | None:
    rows = BlockDevice.objects.filter(
        instance_id=copy.server_id, attachment_id=copy.attachment_id
    ).select_related("instance")
    return rows.first()


def _host(copy: Copy) -> str:
    row = _device(copy)
    if row is None or not row.instance.host:
        raise StepFailed(GONE)
    return row.instance.host


def _request(copy: Copy) -> SwapDiskRequest:
    row, manager = _device(copy), AttachmentManager(RequestContext.system())
    before = manager.connection(copy.attachment_id) if row is not None else None
    if row is None or before is None:
        raise StepFailed(GONE)
    throttle = manager.throttle(copy.attachment_id)

    def disk(connection: VolumeConnection) -> GuestDisk:
        return guest_disk(connection, device=row.name, serial=row.known_as, throttle=throttle)

    return SwapDiskRequest(
        id=str(row.instance_id),
        name=row.instance.hypervisor_name,
        before=disk(before),
        disk=disk(copy.after),
    )


guests.register(ServerCopier())
