"""Mutators of a server's row that steps share; each is one UPDATE."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db.models import Case, F, Value, When

from cloudweb.database.clock import now
from cloudweb.database.prepared import Given, Prepared, PreparedUpdate
from instances.models import BlockDevice, Instance, InstancePort
from instances.states import SETTLES, PowerState, TaskState, VmState
from operations.saga import Failure, Run, StepFailed

ROW = "instance"
PORTS = "instance_ports"
DISKS = "block_devices"
_ROW = Prepared(lambda: Instance.objects.filter(id=Given("id")).order_by())
_PORTS = Prepared(
    lambda: InstancePort.objects.filter(instance=Given("instance")).select_related("instance")
)
_DISKS = Prepared(lambda: BlockDevice.objects.filter(instance=Given("instance")))


def instance_of(run: Run) -> Instance:
    """Return the server an operation is about; raise StepFailed if its row is gone."""
    if ROW not in run.memory:
        _read(run)
    found: Instance = run.memory[ROW]
    return found


def ports_of(run: Run) -> list[InstancePort]:
    """Return the rows of the server's ports in their order, as far as they are not deleted."""
    if PORTS not in run.memory:
        _read(run)
    found: list[InstancePort] = run.memory[PORTS]
    return found


def block_devices_of(run: Run) -> list[BlockDevice]:
    """Return the rows of the server's disks, the one it boots from first."""
    if DISKS not in run.memory:
        run.memory[DISKS] = _DISKS.rows(instance=run.resource_id)
    found: list[BlockDevice] = run.memory[DISKS]
    return found


def _read(run: Run) -> None:
    """Read the server and its ports, which nearly all steps want, in one statement."""
    key = run.resource_id
    ports = _PORTS.rows(instance=key)
    found = ports[0].instance if ports else _ROW.row(id=key)
    if found is None:
        raise StepFailed("The server is gone.")
    run.memory[ROW], run.memory[PORTS] = found, ports


def write(run: Run, **values: Any) -> None:
    """Change the server's row."""
    _writing(tuple(sorted(values)))(id=run.resource_id, updated_at=now(), **values)
    known = run.memory.get(ROW)
    for name, value in values.items() if known is not None else ():
        setattr(known, name, value)


@cache
def _writing(names: tuple[str, ...]) -> PreparedUpdate:
    rows = Instance.objects.filter(id=Given("id"))
    return PreparedUpdate(lambda: rows, "updated_at", *names)


def no_task(run: Run, task: TaskState) -> None:
    """Let the server rest as its guest was seen last: how a failed or pre-empted action ends.

    One that pre-empted it shows a task of its own, which stays.
    """
    run.memory.pop(ROW, None)
    rows = Instance.objects.filter(id=run.resource_id, task_state=task)
    seen = [
        When(vm_state__in=old, power_state__in=powers, then=Value(new))
        for powers, old, new in SETTLES
    ]
    if task == TaskState.PAUSING:  # what was asked for came true all the same
        seen.append(When(power_state=PowerState.PAUSED, then=Value(VmState.PAUSED)))
    rests = Case(*seen, default=F("vm_state"))
    rows.update(task_state=None, vm_state=rests, updated_at=now())


def fault(failure: Failure) -> dict[str, Any]:
    """Return the columns of a fault that the tenant reads."""
    return {
        "fault_code": 500,
        "fault_message": failure.public,
        "fault_detail": failure.detail,
        "fault_at": now(),
    }


#: The columns of a server that has none.
NO_FAULT: dict[str, Any] = {
    "fault_code": None,
    "fault_message": "",
    "fault_detail": "",
    "fault_at": None,
}


#: The columns that say a server's flavor.
FLAVOR = ("flavor_id", "flavor_name", "vcpus", "ram", "disk", "ephemeral", "swap", "extra_specs")


def flavor_of(instance: Instance) -> dict[str, Any]:
    """Return a server's flavor as its row says it."""
    return {name: getattr(instance, name) for name in FLAVOR}
