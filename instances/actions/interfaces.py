"""Network cards that servers are given and lose."""

from __future__ import annotations

from instances.actions.record import InstanceAction
from instances.actions.volumes import ONE_BEHIND_THE_OTHER
from instances.operations import AttachInterface, DetachInterface
from instances.states import TaskState as T
from instances.states import VmState as V

ATTACH_INTERFACE = InstanceAction(
    name="attach_interface",
    vm_states={V.ACTIVE, V.PAUSED, V.STOPPED},
    task_states=ONE_BEHIND_THE_OTHER,
    shows=(T.ATTACHING_INTERFACE,),
    saga=AttachInterface,
    policy="compute:servers:attach_interface",
)

DETACH_INTERFACE = InstanceAction(
    name="detach_interface",
    vm_states={V.ACTIVE, V.PAUSED, V.STOPPED},
    task_states=ONE_BEHIND_THE_OTHER,
    shows=(T.DETACHING_INTERFACE,),
    saga=DetachInterface,
    policy="compute:servers:detach_interface",
)
