"""Put a server away and take it out again: its disk becomes an image, its place is given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from cloudweb.database.clock import now
from cloudweb.rpc import Order
from compute.scheduler import release
from instances.operations import ports, volumes
from instances.operations.create import claim_place, destroy_guest, spawn_guest
from instances.operations.create_image import (
    bring_copy,
    copy_disk,
    disk_copied,
    drop_copy,
    forget_image,
    give_up,
    shows,
)
from instances.operations.delete import take_off
from instances.operations.power import connect, connected, power_off, power_on
from instances.operations.rows import instance_of, no_task, write
from instances.states import PowerState, TaskState, VmState
from operations.holding import Resource
from operations.saga import Failure, Run, Saga, Step

TASKS = (
    TaskState.SHELVING,
    TaskState.SHELVING_IMAGE_PENDING_UPLOAD,
    TaskState.SHELVING_IMAGE_UPLOADING,
    TaskState.SHELVING_OFFLOADING,
)


def start_again(run: Run) -> list[Order] | Order | None:
    """Let a guest run again that did; one that was halted has lost its memory, and is off."""
    if instance_of(run).vm_state == VmState.ACTIVE:
        return power_on(run)
    write(run, power_state=PowerState.SHUTDOWN)
    return None


def copy(run: Run) -> Order | None:
    """Order a copy of the disk; a server without one of its own has nothing to keep."""
    return copy_disk(run) if _image_id(run) else None


def copied(run: Run, answers: list[Any]) -> None:
    """Let the image say what it is a copy of."""
    disk_copied(run, answers)
    shows(run, TaskState.SHELVING_IMAGE_PENDING_UPLOAD, among=TASKS)


def bring(run: Run) -> Order | None:
    """Order the copy to its image."""
    if not _image_id(run):
        return None
    shows(run, TaskState.SHELVING_IMAGE_UPLOADING, among=TASKS)
    return bring_copy(run)


def drop(run: Run) -> Order | None:
    """Order the copy away."""
    return drop_copy(run) if _image_id(run) else None


def keep(run: Run) -> None:
    """It is shelved: from here on it comes back from its image."""
    write(
        run,
        vm_state=VmState.SHELVED,
        task_state=TaskState.SHELVING_OFFLOADING if run.args["offload"] else None,
        power_state=PowerState.SHUTDOWN,
        shelved_at=now(),
        shelved_image_id=_image_id(run),
    )


def _image_id(run: Run) -> str:
    return str(run.args.get("image_id") or "")


def destroy(run: Run) -> Order | None:
    """Order the guest off its host."""
    return destroy_guest(run) if run.args["offload"] else None


def take_away(run: Run) -> list[Order] | None:
    """Order its ports off the host, and nobody to write to its volumes from there."""
    return take_off(run) if run.args["offload"] else None


def give_back(run: Run) -> None:
    """Give its place back; ports and volumes stay its own."""
    if run.args["offload"]:
        ports.move_ports(run, host="")
        volumes.stay(run)
        release(run.resource_id)
        write(run, host="", cells=None, power_state=PowerState.NOSTATE)


#: How a server leaves its host; each step can be done again and cannot fail.
OFFLOADING: Sequence[Step] = (
    Step("destroy", destroy, owes=True, max_failures=10),
    Step("unplug_ports", take_away, owes=True, max_failures=10),
    Step("give_back", give_back),
)


class ShelveInstance(Saga):
    """Shut the guest down, keep its disk as an image, and leave the host where that is said (``offload``).

    ``image_id`` is None where the server boots from a volume, which keeps what it holds.
    """

    kind = "instances.shelve"
    resource_type = "instance"
    deadline = timedelta(hours=24)
    steps = (
        Step("power_off", power_off, undo=start_again),
        Step("copy_disk", copy, undo=drop, done=copied),
        Step("bring_copy", bring),
        Step("keep", keep, pivot=True),
        Step("drop_copy", drop, owes=True, max_failures=10),
        *OFFLOADING,
    )

    @classmethod
    def holds(cls, *, resource_id: str, args: Mapping[str, Any]) -> Iterable[Resource]:
        """The image that is being made."""
        return [Resource("image", args["image_id"])] if args.get("image_id") else []

    @classmethod
    def on_done(cls, run: Run) -> None:
        """SHELVED, or SHELVED_OFFLOADED."""
        _rests_on_shelf(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The server is as before, without an image; one that was halted is off."""
        if _image_id(run):
            give_up(run)
        for task in TASKS:
            no_task(run, task)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up needs an operator; the server can be used all the same."""
        cls.on_undone(run, failure)


def _rests_on_shelf(run: Run) -> None:
    offloaded = VmState.SHELVED_OFFLOADED if run.args["offload"] else VmState.SHELVED
    write(run, vm_state=offloaded, task_state=None)


class OffloadInstance(Saga):
    """Take a shelved server off its host; one that is off already stays so."""

    kind = "instances.shelve_offload"
    resource_type = "instance"
    steps = OFFLOADING

    @classmethod
    def on_done(cls, run: Run) -> None:
        """SHELVED_OFFLOADED."""
        _rests_on_shelf(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """A host refused for good: it stays SHELVED, and may be offloaded again."""
        no_task(run, TaskState.SHELVING_OFFLOADING)


# -- and out again


def claim_again(run: Run) -> Mapping[str, Any] | None:
    """Hold a place for a server that has none."""
    if run.args["in_place"]:
        return None
    zone, host = run.args.get("zone"), run.args.get("host")
    found = claim_place(run, zone=zone, host=host)
    write(run, task_state=TaskState.UNSHELVING)
    return found


def leave_again(run: Run) -> None:
    """Give the place back."""
    if not run.args["in_place"]:
        volumes.stay(run)
        release(run.resource_id)
        write(run, host="", cells=None)


def bind_ports(run: Run) -> None:
    """Let its ports be where it shall be."""
    if not run.args["in_place"]:
        ports.move_ports(run, host=instance_of(run).host)


def unbind_ports(run: Run) -> None:
    """Let its ports be nowhere."""
    if not run.args["in_place"]:
        ports.move_ports(run, host="")


def disconnect(run: Run) -> list[Order] | None:
    """Order ports and volumes off the host."""
    return None if run.args["in_place"] else take_off(run)


def boot(run: Run) -> Order:
    """Order the guest, from its image where its disk is gone."""
    return power_on(run) if run.args["in_place"] else spawn_guest(run)


def unboot(run: Run) -> Order | None:
    """Order it off, as it was on the shelf."""
    return power_off(run) if run.args["in_place"] else destroy_guest(run)


class UnshelveInstance(Saga):
    """Give a server a place again and boot it; ``in_place``: it never left its host."""

    kind = "instances.unshelve"
    resource_type = "instance"
    retry_from = "claim_host"
    steps = (
        Step("claim_host", claim_again, undo=leave_again),
        Step("bind_ports", bind_ports, undo=unbind_ports),
        Step("plug_ports", connect, undo=disconnect, done=connected),
        Step("spawn", boot, undo=unboot),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE; its image is needed no longer."""
        volumes.in_the_server(run)
        image_id = instance_of(run).shelved_image_id
        write(
            run,
            vm_state=VmState.ACTIVE,
            task_state=None,
            power_state=PowerState.RUNNING,
            shelved_at=None,
            shelved_image_id="",
        )
        forget_image(run, image_id)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stays on the shelf."""
        no_task(run, TaskState.UNSHELVING)
