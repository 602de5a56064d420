"""Reboot a server, softly or hard."""

from __future__ import annotations

from cloudweb.rpc import Order
from compute.objects import RebootRequest
from compute.rpc import REBOOT
from instances.conf import STOP_TIMEOUT
from instances.operations.guest import guest_ref, guest_spec
from instances.operations.power import connect, connected
from instances.operations.rows import NO_FAULT, instance_of, no_task, write
from instances.states import PowerState, TaskState, VmState
from operations.saga import Failure, Run, Saga, Step


def connect_again(run: Run) -> list[Order]:
    """Put ports and volumes back in place before a hard reboot; a soft one finds them there."""
    return connect(run) if run.args["kind"] == "HARD" else []


def reboot(run: Run) -> Order:
    """Order the reboot; a hard one brings all the host needs to make the guest anew."""
    instance = instance_of(run)
    ref = guest_ref(instance)
    hard = run.args["kind"] == "HARD"
    request = RebootRequest(
        id=ref.id,
        name=ref.name,
        kind="HARD" if hard else "SOFT",
        timeout=STOP_TIMEOUT,
        spec=guest_spec(run, has_disks=True) if hard else None,
    )
    return REBOOT.order(host=instance.host, resource_id=ref.id, payload=request)


class RebootInstance(Saga):
    """``args["kind"]``: SOFT asks the guest, HARD pulls the plug and defines the guest anew."""

    kind = "instances.reboot"
    resource_type = "instance"
    steps = (
        Step("plug_ports", connect_again, done=connected),
        Step("reboot", reboot),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """ACTIVE, whatever it was before."""
        write(
            run,
            vm_state=VmState.ACTIVE,
            task_state=None,
            power_state=PowerState.RUNNING,
            **NO_FAULT,
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It stays in the state it had."""
        hard = run.args["kind"] == "HARD"
        no_task(run, TaskState.REBOOTING_HARD if hard else TaskState.REBOOTING)
