"""Servers switched on and off, and halted in between."""

from __future__ import annotations

from cloudweb.states import Mode
from instances.actions.record import Button, InstanceAction
from instances.operations import (
    PauseInstance,
    RebootInstance,
    ResumeInstance,
    StartInstance,
    StopInstance,
    SuspendInstance,
    UnpauseInstance,
)
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
    vm_states={V.ACTIVE, V.STOPPED, V.PAUSED, V.SUSPENDED, V.ERROR},
    task_states={
        None,
        T.REBOOTING,
        T.REBOOTING_HARD,
        T.PAUSING,
        T.UNPAUSING,
        T.SUSPENDING,
        T.RESUMING,
    },
    mode=Mode.PREEMPTING,
    shows=(T.REBOOTING_HARD,),
    saga=RebootInstance,
    policy="compute:servers:reboot",
    spoken="reboot",
    method="reboot",
    arguments={"hard": True},
    button=Button(
        label="Hard reboot",
        seldom=True,
        icon="power",
        done="{} is rebooting hard.",
        warning="Its power is cut and switched on again; "
        "what the guest has not written to disk is lost.",
        warning_all="Their power is cut and switched on again; "
        "what guests have not written to disk is lost.",
    ),
)

PAUSE = InstanceAction(
    name="pause",
    vm_states={V.ACTIVE},
    shows=(T.PAUSING,),
    saga=PauseInstance,
    policy="compute:servers:pause",
    wire="pause",
    button=Button(
        label="Pause",
        seldom=True,
        icon="player-pause",
        done="{} is pausing.",
        warning="Its guest stands still and keeps its memory. Nobody reaches it until it goes on.",
        warning_all="Their guests stand still and keep their memory. "
        "Nobody reaches them until they go on.",
        mild=True,
    ),
)

UNPAUSE = InstanceAction(
    name="unpause",
    vm_states={V.PAUSED},
    shows=(T.UNPAUSING,),
    saga=UnpauseInstance,
    policy="compute:servers:unpause",
    wire="unpause",
    button=Button(label="Go on", rare=True, icon="player-play", done="{} is going on."),
)

SUSPEND = InstanceAction(
    name="suspend",
    vm_states={V.ACTIVE},
    shows=(T.SUSPENDING,),
    saga=SuspendInstance,
    policy="compute:servers:suspend",
    wire="suspend",
    button=Button(
        label="Suspend",
        seldom=True,
        icon="moon",
        done="{} is being suspended.",
        warning="Its memory is written to its host's disk and its guest ends; "
        "it goes on from there when it is resumed.",
        warning_all="Their memory is written to their hosts' disks and their guests end; "
        "they go on from there when they are resumed.",
        mild=True,
    ),
)

RESUME = InstanceAction(
    name="resume",
    vm_states={V.SUSPENDED},
    shows=(T.RESUMING,),
    saga=ResumeInstance,
    policy="compute:servers:resume",
    wire="resume",
    button=Button(label="Resume", icon="player-play", done="{} is resuming.", rare=True),
)
