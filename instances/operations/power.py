"""Stop and start a server."""

from __future__ import annotations

from typing import Any

from cloudweb.rpc import Order
from compute.objects import PowerOffRequest
from compute.rpc import POWER_OFF, POWER_ON
from instances.conf import STOP_TIMEOUT
from instances.operations import ports, volumes
from instances.operations.guest import guest_ref, guest_spec
from instances.operations.rows import instance_of, no_task, write
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step


def power_off(run: Run) -> Order:
    """Ask the guest to shut down, then (after ``args["timeout"]`` seconds, if that is told) pull the plug."""
    instance = instance_of(run)
    ref = guest_ref(instance)
    patience = min(STOP_TIMEOUT, int(run.args.get("timeout", STOP_TIMEOUT)))
    request = PowerOffRequest(id=ref.id, name=ref.name, timeout=patience)
    return POWER_OFF.order(host=instance.host, resource_id=ref.id, payload=request)


def connect(run: Run) -> list[Order]:
    """Order ports and volumes to be where the guest finds them; what is there already stays."""
    return [*ports.plug_ports(run), *volumes.export_orders(run)]


def connected(run: Run, answers: list[Any]) -> None:
    """Note which ports are up and how volumes are reached."""
    ports.ports_plugged(run, answers)
    volumes.volumes_exported(run, answers)


def power_on(run: Run) -> Order:
    """Start the guest from the disks it has."""
    spec = guest_spec(run, has_disks=True)
    return POWER_ON.order(host=instance_of(run).host, resource_id=spec.id, payload=spec)


class StopInstance(Saga):
    """Shut the guest down; its disks, ports and place stay."""

    kind = "instances.stop"
    resource_type = "instance"
    steps = (Step("power_off", power_off),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """SHUTOFF."""
        write(
            run,
            vm_state=VmState.STOPPED,
            task_state=None,
            power_state=PowerState.SHUTDOWN,
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It runs on, unless its guest was seen to stop all the same."""
        no_task(run, TaskState.POWERING_OFF)


class StartInstance(Saga):
    """Put the ports back in place and boot the guest."""

    kind = "instances.start"
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
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stays stopped, unless its guest was seen to run all the same."""
        no_task(run, TaskState.POWERING_ON)
