"""What is on its way into a server or out of it: volumes and cards, which wait for each other."""

from __future__ import annotations

from instances.block_devices import DiskStatus
from instances.models import BlockDevice, InstancePort
from instances.operations.rows import no_task
from instances.states import TaskState
from operations.saga import Run

WAITING = (DiskStatus.ATTACHING, DiskStatus.DETACHING)
TASKS = (
    TaskState.ATTACHING_VOLUME,
    TaskState.DETACHING_VOLUME,
    TaskState.ATTACHING_INTERFACE,
    TaskState.DETACHING_INTERFACE,
)


def rest(run: Run) -> None:
    """Let the server show no task, unless another volume or card waits for its turn."""
    waiting = {"instance_id": run.resource_id, "status__in": WAITING}
    if BlockDevice.objects.filter(**waiting).exists():
        return
    if not InstancePort.objects.filter(**waiting).exists():
        for task in TASKS:
            no_task(run, task)
