"""Steps about a server's volumes: export, plug, unplug, cut off, let go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog

from cloudweb.exceptions import BadRequest, Conflict, NotFound
from cloudweb.rpc import Order
from compute.objects import (
    AttachDiskRequest,
    DetachDiskRequest,
    DiskSource,
    DiskThrottle,
    GuestDisk,
    ResizeDiskRequest,
)
from compute.rpc import ATTACH_DISK, DETACH_DISK, RESIZE_DISK
from instances.block_devices import DiskStatus
from instances.conf import DETACH_TIMEOUT
from instances.models import BlockDevice
from instances.operations.devices import rest
from instances.operations.rows import DISKS, block_devices_of, instance_of
from instances.states import VmState
from operations.saga import Failure, Run, Saga, Step, StepFailed
from volume.manager import AttachmentManager, VolumeManager
from volume.objects import VolumeConnection

#: Servers that are put away; their guests are off or gone.
SHELVED = (VmState.SHELVED, VmState.SHELVED_OFFLOADED)
log = structlog.get_logger(__name__)
GIB = 1024**3


def held_volumes(run: Run) -> list[BlockDevice]:
    """Return the rows of the volumes that are held for the server."""
    return [row for row in block_devices_of(run) if row.attachment_id is not None]


def export_orders(run: Run) -> list[Order]:
    """Order all volumes of the server to be there for its host; what is there already stays."""
    manager, host = AttachmentManager(run.context), instance_of(run).host
    orders = []
    for row in held_volumes(run):
        if row.status != DiskStatus.DETACHING:
            with suppress(NotFound):  # an operator took it away: the guest starts without it
                orders.append(manager.export_order(str(row.attachment_id), host))
    return orders


def volumes_exported(run: Run, answers: Sequence[Any]) -> None:
    """Keep how the volumes are reached; other answers of the same step are not looked at."""
    manager = AttachmentManager(run.context)
    for answer in answers:
        if isinstance(answer, dict) and answer.get("object") == VolumeConnection.__name__:
            connection = VolumeConnection.load(answer)
            manager.exported(connection.attachment_id, connection)


def cut_off_orders(run: Run) -> list[Order]:
    """Order that nobody writes to the server's volumes through it any more, wherever its guest is."""
    manager = AttachmentManager(run.context)
    orders = []
    for row in held_volumes(run):
        with suppress(NotFound):
            orders.append(manager.unexport_order(str(row.attachment_id)))
    return [order for order in orders if order is not None]


def let_go(run: Run) -> None:
    """Let go of all volumes; what was asked for is kept."""
    rows, manager = held_volumes(run), AttachmentManager(run.context)
    ids = [row.attachment_id for row in rows]
    if not rows:
        return
    BlockDevice.objects.filter(instance_id=run.resource_id).update(attachment_id=None)
    for row, attachment_id in zip(rows, ids, strict=True):
        row.attachment_id = None
        manager.delete(str(attachment_id))


def stay(run: Run) -> None:
    """Let volumes that were cut off be the server's still, which is on no host."""
    manager = AttachmentManager(run.context)
    for row in held_volumes(run):
        with suppress(NotFound):
            manager.leave_host(str(row.attachment_id))


def delete_with_server(run: Run) -> None:
    """Start deleting the volumes that go with their server; what stands against one is not our affair."""
    manager = VolumeManager(run.context)
    for row in block_devices_of(run):
        if row.volume_id is None or not row.delete_on_termination:
            continue
        try:
            manager.delete(str(row.volume_id))
        except NotFound:
            continue
        except (BadRequest, Conflict) as error:  # it has snapshots, say
            log.warning(
                "a volume does not go with its server",
                volume_id=str(row.volume_id), instance_id=run.resource_id, error=error.message,
            )  # fmt: skip


def in_the_server(run: Run) -> None:
    """Note that a server that was built has its volumes."""
    manager = AttachmentManager(run.context)
    for row in held_volumes(run):
        manager.complete(str(row.attachment_id), f"/dev/{row.name}")
    rows = BlockDevice.objects.filter(instance_id=run.resource_id)
    rows.filter(status=DiskStatus.ATTACHING).update(status=DiskStatus.ATTACHED)


def disk_in_volume(run: Run, row: BlockDevice) -> GuestDisk | None:
    """Return a volume as the guest is told of it; None for one that is on its way out, or not served yet."""
    return None if row.status == DiskStatus.DETACHING else served(run, row, row.attachment_id)


def served(run: Run, row: BlockDevice, attachment_id: UUID | str | None) -> GuestDisk | None:
    """Return what an attachment gives a guest as this disk; None where it is not served."""
    if attachment_id is None:
        return None
    manager, key = AttachmentManager(run.context), str(attachment_id)
    try:
        found = manager.connection(key)
    except NotFound:
        return None
    if found is None:
        return None
    throttle = manager.throttle(key)
    return guest_disk(found, device=row.name, serial=row.known_as, throttle=throttle)


def guest_disk(
    connection: VolumeConnection, *, device: str, serial: str, throttle: Mapping[str, int]
) -> GuestDisk:
    """Turn one domain's value into another's."""
    source = DiskSource(
        kind=connection.kind,
        path=connection.path,
        export=connection.export,
        address=connection.address,
        port=connection.port,
        tls_name=connection.tls_name,
        pool=connection.rbd_pool,
        image=connection.image,
        monitors=connection.monitors,
        user=connection.user,
        secret=connection.secret,
        encrypted=connection.encrypted,
        passphrase=connection.passphrase,
    )
    return GuestDisk(
        name=connection.volume_id,
        size=connection.size,
        source=source,
        serial=serial,
        device=device,
        throttle=DiskThrottle(**throttle) if throttle else None,
        read_only=connection.read_only,
    )


# -- one volume of a server that is there


def device_of(run: Run) -> BlockDevice:
    """Return the row that the operation is about; raise StepFailed where it is gone."""
    found = _find_device(run)
    if found is None or found.attachment_id is None:
        raise StepFailed("The volume is no longer asked for.")
    return found


def _find_device(run: Run) -> BlockDevice | None:
    key = run.args["device"]
    return next((row for row in block_devices_of(run) if row.pk == key), None)


def export(run: Run) -> Order | None:
    """Order the volume to be there for the server's host; nothing for a server that is on none."""
    row, host = device_of(run), instance_of(run).host
    if not host:
        return None
    return AttachmentManager(run.context).export_order(str(row.attachment_id), host)


def unexport(run: Run) -> Order | None:
    """Order that nobody writes through the attachment any more; nothing where there is none."""
    row = _find_device(run)
    if row is None or row.attachment_id is None:
        return None
    try:
        return AttachmentManager(run.context).unexport_order(str(row.attachment_id))
    except NotFound:
        return None


def plug(run: Run) -> Order | None:
    """Order the disk into the guest; a server on the shelf has none, or one that is told when it starts."""
    row, instance = device_of(run), instance_of(run)
    if instance.vm_state in SHELVED:
        return None
    disk = served(run, row, row.attachment_id)
    if disk is None:
        raise StepFailed("The volume is not served.")
    request = AttachDiskRequest(id=str(instance.id), name=instance.hypervisor_name, disk=disk)
    return ATTACH_DISK.order(host=instance.host, resource_id=request.id, payload=request)


def unplug(run: Run) -> Order | None:
    """Order the disk out of the guest; nothing where there is none."""
    row, instance = _find_device(run), instance_of(run)
    if row is None or not instance.host:
        return None
    request = DetachDiskRequest(
        id=str(instance.id),
        name=instance.hypervisor_name,
        serial=row.known_as,
        timeout=DETACH_TIMEOUT,
    )
    return DETACH_DISK.order(host=instance.host, resource_id=request.id, payload=request)


def _forget(run: Run) -> None:
    """Let go of the volume and drop its row."""
    row = _find_device(run)
    if row is not None:
        if row.attachment_id is not None:
            AttachmentManager(run.context).delete(str(row.attachment_id))
        BlockDevice.objects.filter(pk=row.pk).delete()
        run.memory.pop(DISKS, None)
    rest(run)


class AttachVolume(Saga):
    """Give a server one more volume: ``args["device"]`` is its row. Several wait for each other."""

    kind = "instances.attach_volume"
    resource_type = "instance"
    coalesce = True
    steps = (
        Step("export", export, undo=unexport, done=volumes_exported),
        Step("plug", plug, undo=unplug),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server has it."""
        row = device_of(run)
        AttachmentManager(run.context).complete(str(row.attachment_id), f"/dev/{row.name}")
        BlockDevice.objects.filter(pk=row.pk).update(status=DiskStatus.ATTACHED)
        rest(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The volume is its project's again, as if nobody had asked for it."""
        _forget(run)


class DetachVolume(Saga):
    """Take a volume from a server: from its guest, then from its host. Whatever died, it comes true.

    A host that is down owes its part and is cut off by the volume's. Only a guest that runs and keeps the
    disk is an obstacle.
    """

    kind = "instances.detach_volume"
    resource_type = "instance"
    coalesce = True
    steps = (
        Step("unplug", unplug, undo=plug, owes=True, pivot=True),
        Step("unexport", unexport, owes=True, max_failures=10),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The volume is its project's again."""
        _forget(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The guest kept it: all is as it was."""
        row = _find_device(run)
        if row is not None and row.attachment_id is not None:
            with suppress(NotFound):  # an operator took it away, and the guest does not let go
                AttachmentManager(run.context).roll_detaching(str(row.attachment_id))
            BlockDevice.objects.filter(pk=row.pk).update(status=DiskStatus.ATTACHED)
        rest(run)


def show_size(run: Run) -> Order | None:
    """Order the guest to see its disk's new size; nothing where it has the volume no longer."""
    row, instance = _find_device(run), instance_of(run)
    if row is None or row.status != DiskStatus.ATTACHED or not instance.host:
        return None
    request = ResizeDiskRequest(
        id=str(instance.id),
        name=instance.hypervisor_name,
        serial=row.known_as,
        size=run.args["size"] * GIB,
    )
    return RESIZE_DISK.order(host=instance.host, resource_id=request.id, payload=request)


def limit(run: Run) -> Order | None:
    """Order the disk again: a guest that has it is held to what its type says now."""
    row, instance = _find_device(run), instance_of(run)
    if row is None or row.status != DiskStatus.ATTACHED or not instance.host:
        return None
    return plug(run)


class LimitVolumeInGuest(Saga):
    """Hold a guest to what its volume's type says now; ``args["device"]`` is the volume's row."""

    kind = "instances.limit_volume"
    resource_type = "instance"
    coalesce = True
    steps = (Step("limit", limit, max_failures=10),)


class ExtendVolumeInGuest(Saga):
    """Let a guest see that its volume has grown, in its turn; ``args["device"]`` is the volume's row."""

    kind = "instances.extend_volume"
    resource_type = "instance"
    coalesce = True
    steps = (Step("show_size", show_size, max_failures=10),)
