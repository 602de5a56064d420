"""Start a server from a rescue disk, its own disks beside it, and go back to these."""

from __future__ import annotations

from typing import Any, cast

from cloudweb.rpc import Order
from compute.objects import GuestSpec, RescueDisk
from compute.rpc import RESCUE, UNRESCUE
from image.manager import ImageManager
from image.objects import ImageLocation
from instances.operations import power
from instances.operations.guest import GIB, direct_boot, guest_ref, guest_spec, source_of, tenant_of
from instances.operations.rows import fault, instance_of, no_task, write
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step

#: What is forgotten of a rescue that is over.
NOT_RESCUED = {"rescue_image_id": "", "rescue_password": ""}
_CLEARED = {"fault_code": None, "fault_message": "", "fault_detail": "", "fault_at": None}


def rescue_disk(image: ImageLocation, images: ImageManager) -> RescueDisk:
    """Return how a server gets an image that it is rescued with: as its properties say."""
    device = image.rescue_device or "disk"
    bus = image.rescue_bus or ("sata" if device == "cdrom" else "virtio")
    return RescueDisk(
        image=source_of(image),
        size=max(image.virtual_size, image.min_disk * GIB),
        device=cast(Any, device),
        bus=cast(Any, bus),
        stable=bool(image.rescue_device or image.rescue_bus),
        direct_boot=direct_boot(images, image),
    )


def rescued_spec(run: Run) -> GuestSpec:
    """Return the guest as it is while it is rescued."""
    images = ImageManager(tenant_of(run))
    image = images.location(instance_of(run).rescue_image_id)
    spec = guest_spec(run, has_disks=True)
    return spec.model_copy(update={"rescue": rescue_disk(image, images)})


def power_off(run: Run) -> Order | list[Order]:
    """Ask a guest that runs to shut down, then pull the plug."""
    return power.power_off(run) if run.args["was"] == VmState.ACTIVE else []


def power_on_again(run: Run) -> Order | list[Order]:
    """Start a guest again that ran."""
    return power.power_on(run) if run.args["was"] == VmState.ACTIVE else []


def rescue(run: Run) -> Order:
    """Start the guest from the rescue disk."""
    spec = rescued_spec(run)
    return RESCUE.order(host=instance_of(run).host, resource_id=spec.id, payload=spec)


def unrescue(run: Run) -> Order:
    """End the guest, and drop the rescue disk."""
    instance = instance_of(run)
    ref = guest_ref(instance)
    return UNRESCUE.order(host=instance.host, resource_id=ref.id, payload=ref)


class RescueInstance(Saga):
    """Shut the guest down and start it from a rescue disk; ``args["was"]`` is the state it had."""

    kind = "instances.rescue"
    resource_type = "instance"
    steps = (
        Step("power_off", power_off, undo=power_on_again),
        Step("plug_ports", power.connect, done=power.connected),
        Step("rescue", rescue, undo=unrescue),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """RESCUE."""
        running = PowerState.RUNNING
        write(run, vm_state=VmState.RESCUED, task_state=None, power_state=running, **_CLEARED)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is as it was, also after it was stuck, unless its guest was seen otherwise."""
        was = run.args["was"]
        write(run, vm_state=was, **NOT_RESCUED, **({} if was == VmState.ERROR else _CLEARED))
        no_task(run, TaskState.RESCUING)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """Its guest does not start again from its own disk: its tenant sees why."""
        write(run, vm_state=VmState.ERROR, task_state=None, **fault(failure))


class UnrescueInstance(Saga):
    """End the guest, drop its rescue disk and start it from its own; what fails is rescued again, anew."""

    kind = "instances.unrescue"
    resource_type = "instance"
    steps = (
        Step("unrescue", unrescue, undo=rescue),
        Step("plug_ports", power.connect, done=power.connected),
        Step("power_on", power.power_on),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE."""
        running = PowerState.RUNNING
        write(run, vm_state=VmState.ACTIVE, task_state=None, power_state=running, **NOT_RESCUED)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stays rescued, also after it was stuck."""
        write(run, vm_state=VmState.RESCUED, **_CLEARED)
        no_task(run, TaskState.UNRESCUING)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """Its guest starts from neither for now: its tenant sees why."""
        write(run, vm_state=VmState.ERROR, task_state=None, **fault(failure))
