"""Servers put away: their disk is kept as an image, or in its volume, and their place is given back."""

from __future__ import annotations

from cloudweb.policy import admin
from instances.actions.record import Button, InstanceAction
from instances.operations import OffloadInstance, ShelveInstance, UnshelveInstance
from instances.states import TaskState as T
from instances.states import VmState as V

SHELVE = InstanceAction(
    name="shelve",
    vm_states={V.ACTIVE, V.STOPPED, V.PAUSED, V.SUSPENDED},
    shows=(
        T.SHELVING,
        T.SHELVING_IMAGE_PENDING_UPLOAD,
        T.SHELVING_IMAGE_UPLOADING,
        T.SHELVING_OFFLOADING,
    ),
    saga=ShelveInstance,
    policy="compute:servers:shelve",
    wire="shelve",
    button=Button(
        label="Shelve",
        seldom=True,
        icon="box",
        done="{} is being shelved.",
        warning="Its guest is shut down and its disk kept as an image; it gives its place on its host "
        "back. Addresses and volumes stay its own.",
        warning_all="Their guests are shut down and their disks kept as images; they give their "
        "places back. Addresses and volumes stay their own.",
        mild=True,
    ),
)

SHELVE_OFFLOAD = InstanceAction(
    name="shelve_offload",
    vm_states={V.SHELVED, V.SHELVED_OFFLOADED},
    shows=(T.SHELVING_OFFLOADING,),
    saga=OffloadInstance,
    policy="compute:servers:shelve_offload",
    rule=admin,
    wire="shelveOffload",
    spoken="shelveOffload",
    button=Button(
        label="Take off its host",
        icon="logout",
        rare=True,
        done="{} is being taken off its host.",
        warning="It is shelved already: its disk is in an image, and leaves its host.",
        warning_all="They are shelved already: their disks are in images, and leave their hosts.",
        mild=True,
    ),
)

UNSHELVE = InstanceAction(
    name="unshelve",
    vm_states={V.SHELVED, V.SHELVED_OFFLOADED},
    shows=(T.UNSHELVING,),
    saga=UnshelveInstance,
    policy="compute:servers:unshelve",
    wire="unshelve",
    body="Unshelve",
    button=Button(
        label="Unshelve",
        icon="player-play",
        rare=True,
        done="{} is coming back.",
    ),
)
