"""Create a server with disks in volumes: make those that are not there yet, hold all, then build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from cloudweb.exceptions import NotFound
from cloudweb.rpc import Order
from instances.block_devices import MADE_AT_MOST
from instances.models import BlockDevice
from instances.operations import ports, volumes
from instances.operations.create import (
    CreateInstance,
    claim_host,
    destroy_guest,
    release_claim,
    spawn_guest,
)
from instances.operations.power import connect, connected
from instances.operations.rows import block_devices_of, write
from instances.states import TaskState
from operations.saga import NEEDLESS, Child, Failure, Run, Step
from volume.manager import AttachmentManager, VolumeManager
from volume.operations import CreateVolume, DeleteVolume


def volume_step(position: int) -> Step:
    """Return the step that makes one of the server's new volumes; nothing where it has fewer."""

    def volume_id(run: Run) -> str | None:
        made = [row for row in block_devices_of(run) if row.made_here]
        return str(made[position].volume_id) if position < len(made) else None

    def make_volume(run: Run) -> Child | Mapping[str, Any]:
        key = volume_id(run)
        return NEEDLESS if key is None else Child(CreateVolume, resource_id=key)

    def delete_volume(run: Run) -> Child | None:
        key = volume_id(run)
        return None if key is None else Child(DeleteVolume, resource_id=key)

    return Step(f"make_volume_{position + 1}", make_volume, undo=delete_volume)


def _is_there(run: Run, volume_id: str) -> bool:
    try:
        VolumeManager(run.context).get(volume_id)
    except NotFound:
        return False
    return True


def hold_volumes(run: Run) -> None:
    """Hold the new volumes for the server; those that were there are held since it was asked for."""
    manager = AttachmentManager(run.context)
    for row in block_devices_of(run):
        if row.volume_id is not None and row.attachment_id is None:
            row.attachment_id = manager.reserve(str(row.volume_id), run.resource_id).id
            BlockDevice.objects.filter(pk=row.pk).update(attachment_id=row.attachment_id)
    write(run, task_state=TaskState.SCHEDULING)


def disconnect(run: Run) -> list[Order]:
    """Order ports and volumes off the host."""
    return [*ports.unplug_ports(run), *volumes.cut_off_orders(run)]


class CreateInstanceWithVolumes(CreateInstance):
    """As any server is made, once its volumes are there; a build that fails takes new ones away again."""

    kind = "instances.create_with_volumes"
    steps: ClassVar[Sequence[Step]] = (
        *(volume_step(position) for position in range(MADE_AT_MOST)),
        Step("hold_volumes", hold_volumes, undo=volumes.let_go),
        Step("claim_host", claim_host, undo=release_claim),
        Step("create_ports", ports.create_ports, undo=ports.undo_ports),
        Step("plug_ports", connect, undo=disconnect, done=connected),
        Step("spawn", spawn_guest, undo=destroy_guest),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The server is ACTIVE, its volumes are in use."""
        volumes.in_the_server(run)
        super().on_done(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A failed build leaves no volume held or made for it, nor one that was only written down."""
        volumes.let_go(run)
        for row in block_devices_of(run):
            if row.made_here and _is_there(run, str(row.volume_id)):
                DeleteVolume.start(run.context, resource_id=str(row.volume_id), preempt=True)
        BlockDevice.objects.filter(instance_id=run.resource_id, volume_id__isnull=False).delete()
        super().on_undone(run, failure)
