"""Servers that do not do what they should: started from a rescue disk, made anew."""

from __future__ import annotations

from instances.actions.record import Button, InstanceAction
from instances.operations import RebuildInstance, RebuildInVolume, RescueInstance, UnrescueInstance
from instances.states import TaskState as T
from instances.states import VmState as V

RESCUE = InstanceAction(
    name="rescue",
    vm_states={V.ACTIVE, V.STOPPED, V.ERROR},
    shows=(T.RESCUING,),
    saga=RescueInstance,
    policy="compute:servers:rescue",
    wire="rescue",
    body="Rescue",
    answer="RescuePassword",
    status=200,
    button=Button(
        label="Rescue",
        seldom=True,
        icon="lifebuoy",
        page="server_rescue",
        done="{} is starting from a rescue disk.",
        warning="Its guest shuts down and starts from a rescue disk, with its own disk beside it. "
        "Nothing of its own disk changes by that.",
        warning_all="Their guests shut down and start from rescue disks, with their own disks beside them.",
        mild=True,
    ),
)

UNRESCUE = InstanceAction(
    name="unrescue",
    vm_states={V.RESCUED},
    shows=(T.UNRESCUING,),
    saga=UnrescueInstance,
    policy="compute:servers:unrescue",
    wire="unrescue",
    button=Button(
        label="End rescue",
        icon="lifebuoy-off",
        done="{} is starting from its own disk.",
        warning="The rescue disk is switched off and thrown away; the server starts from its own disk.",
        warning_all="The rescue disks are switched off and thrown away; "
        "the servers start from their own disks.",
        mild=True,
        rare=True,
    ),
)

REBUILD = InstanceAction(
    name="rebuild",
    vm_states={V.ACTIVE, V.STOPPED, V.ERROR},
    shows=(T.REBUILDING, T.REBUILD_SPAWNING),
    saga=RebuildInstance,
    saga_in_volume=RebuildInVolume,
    policy="compute:servers:rebuild",
    wire="rebuild",
    body="Rebuild",
    answer="ServerRebuiltAnswer",
    button=Button(
        label="Rebuild",
        seldom=True,
        icon="refresh-alert",
        page="server_rebuild",
        done="{} is being rebuilt.",
        warning="What is on its disk is lost: it is made anew from its image. "
        "Its id, addresses and volumes stay.",
        warning_all="What is on their disks is lost: they are made anew from their images. "
        "Ids, addresses and volumes stay.",
    ),
)
