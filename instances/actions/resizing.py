"""Servers that get another size or another host."""

from __future__ import annotations

from cloudweb.policy import project_manager
from instances.actions.record import Button, InstanceAction
from instances.operations import ConfirmResize, MigrateInstance, ResizeInstance, RevertResize
from instances.states import RESIZING
from instances.states import TaskState as T
from instances.states import VmState as V

RESIZE = InstanceAction(
    name="resize",
    vm_states={V.ACTIVE, V.STOPPED},
    shows=RESIZING,
    saga=ResizeInstance,
    policy="compute:servers:resize",
    wire="resize",
    body="Resize",
    button=Button(
        label="Resize",
        icon="arrows-maximize",
        done="{} is being resized.",
        page="server_resize",
    ),
)

CONFIRM_RESIZE = InstanceAction(
    name="confirm_resize",
    vm_states={V.RESIZED},
    shows=(T.RESIZE_CONFIRMING,),
    saga=ConfirmResize,
    policy="compute:servers:confirm_resize",
    wire="confirmResize",
    status=204,
    spoken="confirmResize",
    button=Button(
        label="Confirm resize",
        icon="circle-check",
        done="{} is keeping its new size.",
        warning="It keeps its new size and host. What it was before is removed.",
        warning_all="They keep their new sizes and hosts. What they were before is removed.",
        mild=True,
        rare=True,
    ),
)

REVERT_RESIZE = InstanceAction(
    name="revert_resize",
    vm_states={V.RESIZED},
    shows=(T.RESIZE_REVERTING,),
    saga=RevertResize,
    policy="compute:servers:revert_resize",
    wire="revertResize",
    spoken="revertResize",
    button=Button(
        label="Revert resize",
        icon="reload",
        done="{} is going back to its old size.",
        warning="It goes back to its old size, with the disks it had before. "
        "What was written to them since is lost; volumes stay as they are.",
        warning_all="They go back to their old sizes, with the disks they had before. "
        "What was written to them since is lost; volumes stay as they are.",
        rare=True,
    ),
)

#: Another host without another size: by the same steps.
MIGRATE = InstanceAction(
    name="migrate",
    vm_states={V.ACTIVE, V.STOPPED},
    shows=RESIZING,
    saga=MigrateInstance,
    policy="compute:servers:migrate",
    rule=project_manager,
    wire="migrate",
    body="Migrate",
)
