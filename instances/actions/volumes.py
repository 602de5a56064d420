"""Volumes that servers are given and lose."""

from __future__ import annotations

from cloudweb.policy import admin
from cloudweb.states import ANY, Mode
from instances.actions.record import InstanceAction
from instances.operations import AttachVolume, DetachVolume, SwapVolume
from instances.states import TaskState as T
from instances.states import VmState as V

#: Volumes and cards of one server wait for each other: a second one is not refused while the first is
#: under way.
ONE_BEHIND_THE_OTHER = frozenset(
    {
        None,
        T.ATTACHING_VOLUME,
        T.DETACHING_VOLUME,
        T.ATTACHING_INTERFACE,
        T.DETACHING_INTERFACE,
    }
)

#: Where volumes come and go from microversion 2.20 on.
ON_THE_SHELF = frozenset({V.SHELVED, V.SHELVED_OFFLOADED})

ATTACH_VOLUME = InstanceAction(
    name="attach_volume",
    vm_states={V.ACTIVE, V.PAUSED, V.STOPPED, V.RESIZED, *ON_THE_SHELF},
    task_states=ONE_BEHIND_THE_OTHER,
    shows=(T.ATTACHING_VOLUME,),
    saga=AttachVolume,
    policy="compute:servers:attach_volume",
)

DETACH_VOLUME = InstanceAction(
    name="detach_volume",
    vm_states={V.ACTIVE, V.PAUSED, V.STOPPED, V.RESIZED, *ON_THE_SHELF},
    task_states=ONE_BEHIND_THE_OTHER,
    shows=(T.DETACHING_VOLUME,),
    saga=DetachVolume,
    policy="compute:servers:detach_volume",
)

UPDATE_VOLUME = InstanceAction(
    name="update_volume",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    policy="compute:servers:update_volume",
    method="update_attached_volume",
)

SWAP_VOLUME = InstanceAction(
    name="swap_volume",
    vm_states={V.ACTIVE, V.PAUSED, V.RESIZED},
    shows=(T.SWAPPING_VOLUME,),
    saga=SwapVolume,
    policy="compute:servers:swap_volume",
    rule=admin,
)
