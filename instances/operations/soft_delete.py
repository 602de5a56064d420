"""Delete a server for now: it is off, and can be restored until it is reclaimed."""

from __future__ import annotations

from cloudweb.database.clock import now
from cloudweb.rpc import Order
from instances.operations.power import connect, connected, power_off, power_on
from instances.operations.rows import instance_of, no_task, write
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step


def switch_off(run: Run) -> Order | None:
    """Order the guest off; one that is on no host is off."""
    return power_off(run) if instance_of(run).host else None


class SoftDeleteInstance(Saga):
    """Shut the guest down; its disks, ports, volumes and place stay until it is reclaimed."""

    kind = "instances.soft_delete"
    resource_type = "instance"
    steps = (Step("power_off", switch_off),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """SOFT_DELETED."""
        write(
            run,
            vm_state=VmState.SOFT_DELETED,
            task_state=None,
            power_state=PowerState.SHUTDOWN,
            soft_deleted_at=now(),
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is as before, unless its guest was seen to stop all the same."""
        no_task(run, TaskState.SOFT_DELETING)


class RestoreInstance(Saga):
    """Put ports and volumes back in place and boot the guest."""

    kind = "instances.restore"
    resource_type = "instance"
    steps = (
        Step("plug_ports", connect, done=connected),
        Step("power_on", power_on),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE."""
        write(
            run,
            vm_state=VmState.ACTIVE,
            task_state=None,
            power_state=PowerState.RUNNING,
            soft_deleted_at=None,
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stays deleted for now."""
        no_task(run, TaskState.RESTORING)
