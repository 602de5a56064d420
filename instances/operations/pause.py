"""Halt a server and let it go on: with its memory kept (pause), or written to its host's disk (suspend)."""

from __future__ import annotations

from cloudweb.rpc import Method, Order
from compute.objects import GuestRef
from compute.rpc import PAUSE, RESUME, SUSPEND, UNPAUSE
from instances.operations.guest import guest_ref, guest_spec
from instances.operations.power import connect, connected
from instances.operations.rows import instance_of, no_task, write
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step


def _order(run: Run, method: Method[GuestRef]) -> Order:
    instance = instance_of(run)
    ref = guest_ref(instance)
    return method.order(host=instance.host, resource_id=ref.id, payload=ref)


def pause(run: Run) -> Order:
    """Halt the guest."""
    return _order(run, PAUSE)


def unpause(run: Run) -> Order:
    """Let the guest go on."""
    return _order(run, UNPAUSE)


def suspend(run: Run) -> Order:
    """Write the guest's memory to disk."""
    return _order(run, SUSPEND)


def resume(run: Run) -> Order:
    """Let the guest go on from its memory, from the disks and cards it has."""
    spec = guest_spec(run, has_disks=True)
    return RESUME.order(host=instance_of(run).host, resource_id=spec.id, payload=spec)


class PauseInstance(Saga):
    """Halt the guest; it keeps its memory, its processors and its place."""

    kind = "instances.pause"
    resource_type = "instance"
    steps = (Step("pause", pause),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """PAUSED."""
        write(run, vm_state=VmState.PAUSED, task_state=None, power_state=PowerState.PAUSED)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It runs on, unless its guest was seen to halt all the same."""
        no_task(run, TaskState.PAUSING)


class UnpauseInstance(Saga):
    """Let the guest go on where it was halted."""

    kind = "instances.unpause"
    resource_type = "instance"
    steps = (Step("unpause", unpause),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE."""
        write(run, vm_state=VmState.ACTIVE, task_state=None, power_state=PowerState.RUNNING)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stays paused, unless its guest was seen to run or to end."""
        no_task(run, TaskState.UNPAUSING)


class SuspendInstance(Saga):
    """Write the guest's memory to its host's disk and end it; disks, ports and place stay."""

    kind = "instances.suspend"
    resource_type = "instance"
    steps = (Step("suspend", suspend),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """SUSPENDED."""
        write(run, vm_state=VmState.SUSPENDED, task_state=None, power_state=PowerState.SUSPENDED)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It runs on, unless its guest was seen to be suspended all the same."""
        no_task(run, TaskState.SUSPENDING)


class ResumeInstance(Saga):
    """Put ports and volumes back in place and let the guest go on from its memory."""

    kind = "instances.resume"
    resource_type = "instance"
    steps = (
        Step("plug_ports", connect, done=connected),
        Step("resume", resume),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE."""
        write(run, vm_state=VmState.ACTIVE, task_state=None, power_state=PowerState.RUNNING)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stays suspended, unless its guest was seen to run all the same."""
        no_task(run, TaskState.RESUMING)
