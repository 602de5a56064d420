"""Servers switched on and off."""

from __future__ import annotations

from cloudweb.states import Mode
from instances.actions.record import Button, InstanceAction
from instances.operations import RebootInstance, StartInstance, StopInstance
from instances.states import TaskState as T
from instances.states import VmState as V

START = InstanceAction(
    name="start",
    vm_states={V.STOPPED},
    shows=(T.POWERING_ON,),
    saga=StartInstance,
    policy="compute:servers:start",
    wire="os-start",
    button=Button(label="Start", icon="player-play", done="{} is starting."),
)

STOP = InstanceAction(
    name="stop",
    vm_states={V.ACTIVE, V.ERROR},
    shows=(T.POWERING_OFF,),
    saga=StopInstance,
    policy="compute:servers:stop",
    wire="os-stop",
    button=Button(
        label="Stop",
        icon="player-stop",
        done="{} is shutting down.",
        warning="Its guest is asked to shut down. "
        "Disk and addresses are kept until it is started again.",
        warning_all="Their guests are asked to shut down. "
        "Disks and addresses are kept until they are started again.",
        mild=True,
    ),
)

REBOOT = InstanceAction(
    name="reboot",
    vm_states={V.ACTIVE},
    shows=(T.REBOOTING,),
    saga=RebootInstance,
    policy="compute:servers:reboot",
    wire="reboot",
    body="Reboot",
    button=Button(
        label="Reboot",
        icon="reload",
        done="{} is rebooting.",
        warning="Its guest is asked to restart, and is away for a moment.",
        warning_all="Their guests are asked to restart, and are away for a moment.",
        mild=True,
    ),
)

HARD_REBOOT = InstanceAction(
    name="hard_reboot",
    vm_states={V.ACTIVE, V.STOPPED, V.ERROR},
    task_states={None, T.REBOOTING, T.REBOOTING_HARD},
    mode=Mode.PREEMPTING,
    shows=(T.REBOOTING_HARD,),
    saga=RebootInstance,
    policy="compute:servers:reboot",
    spoken="reboot",
    method="reboot",
    arguments={"hard": True},
    button=Button(
        label="Hard reboot",
        icon="power",
        done="{} is rebooting hard.",
        warning="Its power is cut and switched on again; "
        "what the guest has not written to disk is lost.",
        warning_all="Their power is cut and switched on again; "
        "what guests have not written to disk is lost.",
    ),
)
