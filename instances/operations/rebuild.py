"""Make a server's disk anew from an image; its id, addresses and volumes stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from cloudweb.database.clock import now
from cloudweb.encryption import decrypt
from cloudweb.rpc import Order
from compute.objects import WipeRequest
from compute.rpc import WIPE
from instances.block_devices import DestinationType, SourceType
from instances.models import BlockDevice
from instances.operations import power
from instances.operations.create import spawn_guest
from instances.operations.guest import guest_spec
from instances.operations.rescue import power_off
from instances.operations.rows import DISKS, block_devices_of, fault, instance_of, no_task, write
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step

_CLEARED = {"fault_code": None, "fault_message": "", "fault_detail": "", "fault_at": None}


def power_on_again(run: Run) -> Order | list[Order]:
    """Start a guest again that ran, as it was, for as long as its disks are there."""
    if not instance_of(run).before_rebuild:
        return []
    _go_back(run)
    return power.power_on(run) if run.args["was"] == VmState.ACTIVE else []


def _go_back(run: Run) -> None:
    """Let the server's rows say again what they said before."""
    before = instance_of(run).before_rebuild
    if before:
        columns: dict[str, Any] = json.loads(decrypt(before))
        write(run, **columns)
        _root_from(run, columns["image_id"])


def _root_from(run: Run, image_id: str) -> None:
    rows = BlockDevice.objects.filter(instance_id=run.resource_id, boot_index=0)
    rows.filter(source_type=SourceType.IMAGE, destination_type=DestinationType.LOCAL).update(
        source_id=image_id or None
    )
    run.memory.pop(DISKS, None)


def wipe(run: Run) -> Order:
    """Order the host to have the image at hand, and then the guest's disks away."""
    instance, spec = instance_of(run), guest_spec(run)
    blank = [row for row in block_devices_of(run) if row.source_type == SourceType.BLANK]
    keeps = [row.name for row in blank if row.destination_type == DestinationType.LOCAL]
    request = WipeRequest(
        id=spec.id,
        name=spec.name,
        keep=tuple(keeps) if run.args["preserve_ephemeral"] else (),
        spec=spec,
    )
    return WIPE.order(host=instance.host, resource_id=spec.id, payload=request)


def wiped(run: Run, answers: list[Any]) -> None:
    """There is no way back."""
    write(
        run,
        task_state=TaskState.REBUILD_SPAWNING,
        before_rebuild="",
        milestones={},
        posted_password="",
        power_state=PowerState.SHUTDOWN,
    )


def stop_again(run: Run) -> Order | list[Order]:
    """Stop a server again that was stopped."""
    return power.power_off(run) if run.args["was"] == VmState.STOPPED else []


class RebuildInstance(Saga):
    """End the guest and boot it from a new disk; ``args["was"]`` is the state it had.

    Until its disks are gone it goes back to what it was; afterwards what fails leaves it in error, to be
    rebuilt again.
    """

    kind = "instances.rebuild"
    resource_type = "instance"
    steps: ClassVar[Sequence[Step]] = (
        Step("power_off", power_off, undo=power_on_again),
        Step("wipe", wipe, done=wiped),
        Step("plug_ports", power.connect, done=power.connected),
        Step("spawn", spawn_guest),
        Step("stop_again", stop_again),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE, or stopped where it was."""
        stays_off = run.args["was"] == VmState.STOPPED
        write(
            run,
            vm_state=VmState.STOPPED if stays_off else VmState.ACTIVE,
            task_state=None,
            power_state=PowerState.SHUTDOWN if stays_off else PowerState.RUNNING,
            launched_at=now(),
            **_CLEARED,
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is what it was, or in error where its disks are gone; one that is being deleted says so."""
        if instance_of(run).before_rebuild:
            _go_back(run)
            write(run, before_rebuild="")
            no_task(run, TaskState.REBUILDING)
        elif failure is not None:
            write(run, vm_state=VmState.ERROR, task_state=None, **fault(failure))

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """Nobody knows what is left of its disks: an error that says why."""
        write(run, vm_state=VmState.ERROR, task_state=None, before_rebuild="", **fault(failure))
