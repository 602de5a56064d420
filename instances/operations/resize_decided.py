"""A resize is confirmed, or the server becomes again what it was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from cloudweb.rpc import Order
from compute.rpc import POWER_ON
from compute.scheduler import hand_over, release
from instances.migration_states import MigrationStatus
from instances.models import Instance
from instances.operations import volumes
from instances.operations.guest import guest_spec
from instances.operations.migration_rows import (
    NOTHING_BEYOND,
    become_new,
    become_old,
    migration_of,
    note,
)
from instances.operations.power import connect, connected
from instances.operations.resize import (
    choose,
    destroy_at,
    leave,
    power_off,
    power_on,
    resize,
    return_to,
)
from instances.operations.rows import instance_of, write
from instances.states import OFF, PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step


def forget_old(run: Run) -> Order:
    """Order away what the server was."""
    row = migration_of(run)
    return choose(run, "new", forget=True) if row.stays else destroy_at(run, row.source_host)


class ConfirmResize(Saga):
    """Keep the new size and host; ``args["migration"]`` is the row. A host that is down owes its part."""

    kind = "instances.confirm_resize"
    resource_type = "instance"
    steps: ClassVar[Sequence[Step]] = (Step("forget_old", forget_old, owes=True, max_failures=10),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE, or SHUTOFF where its guest is off by now."""
        row, off = migration_of(run), instance_of(run).power_state in OFF
        hand_over(holder=str(row.uuid), instance_id=run.resource_id)
        note(run, status=MigrationStatus.CONFIRMED)
        rests = VmState.STOPPED if off else VmState.ACTIVE
        write(run, vm_state=rests, task_state=None, **NOTHING_BEYOND)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It waits to be confirmed still."""
        note(run, status=MigrationStatus.FINISHED)
        _waits_again(run, TaskState.RESIZE_CONFIRMING)


def start_again(run: Run) -> Order | None:
    """Start the guest in its new size, if it ran."""
    if not run.args["runs"]:
        return None
    spec = guest_spec(run, has_disks=True)
    return POWER_ON.order(host=instance_of(run).host, resource_id=spec.id, payload=spec)


def choose_old(run: Run) -> Order | None:
    """Order a guest that stayed on its host to have its old disks; the old host has no others."""
    return choose(run, "old") if migration_of(run).stays else None


def choose_new(run: Run) -> Order | None:
    """Order it to have the new ones again."""
    return choose(run, "new") if migration_of(run).stays else None


def forget_new(run: Run) -> Order:
    """Order away what the server would have been."""
    row = migration_of(run)
    return choose(run, "old", forget=True) if row.stays else destroy_at(run, row.dest_host)


class RevertResize(Saga):
    """Go back to the old size, host and disks: what was written since is lost, as the action says.

    ``args["runs"]``: the guest ran when this was asked for. Until the old guest runs all of it is taken back.
    """

    kind = "instances.revert_resize"
    resource_type = "instance"
    deadline: ClassVar[timedelta] = timedelta(hours=2)
    steps: ClassVar[Sequence[Step]] = (
        Step("power_off", power_off, undo=start_again),
        Step("unplug_ports", leave, undo=return_to, undone=connected),
        Step("switch_back", become_old, undo=become_new),
        Step("plug_ports", connect, undo=leave, done=connected),
        Step("choose_old", choose_old, undo=choose_new),
        Step("resize", resize),
        Step("power_on", power_on, undo=lambda run: power_off(run, timeout=0), pivot=True),
        Step("forget_new", forget_new, owes=True, max_failures=10),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is what it was."""
        row = migration_of(run)
        release(str(row.uuid))
        volumes.in_the_server(run)
        note(run, status=MigrationStatus.REVERTED)
        runs = row.vm_state == VmState.ACTIVE
        power = PowerState.RUNNING if runs else PowerState.SHUTDOWN
        rests = {"vm_state": row.vm_state, "power_state": power}
        write(run, task_state=None, **rests, **NOTHING_BEYOND)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is RESIZED, and waits to be decided still."""
        volumes.in_the_server(run)
        note(run, status=MigrationStatus.FINISHED, error=failure.public if failure else "")
        power = PowerState.RUNNING if run.args["runs"] else PowerState.SHUTDOWN
        _waits_again(run, TaskState.RESIZE_REVERTING, power_state=power)


def _waits_again(run: Run, task: TaskState, **values: PowerState) -> None:
    rows = Instance.objects.filter(id=run.resource_id, task_state=task)
    rows.update(task_state=None, **values)
