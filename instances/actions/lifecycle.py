"""What becomes of servers after they were made."""

from __future__ import annotations

from cloudweb.states import ANY, Mode
from instances.actions.record import Button, InstanceAction
from instances.operations import DeleteInstance
from instances.states import TaskState as T

DELETE = InstanceAction(
    name="delete",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.PREEMPTING,
    ran=False,
    shows=(T.DELETING,),
    saga=DeleteInstance,
    policy="compute:servers:delete",
    button=Button(
        label="Delete",
        icon="trash",
        done="{} is being deleted.",
        warning="Its disk and addresses are gone for good.",
        warning_all="Their disks and addresses are gone for good.",
        ends=True,
    ),
)

#: Deleted servers are not kept for a while, so it is no other delete.
FORCE_DELETE = InstanceAction(
    name="force_delete",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.PREEMPTING,
    ran=False,
    shows=(T.DELETING,),
    saga=DeleteInstance,
    policy=DELETE.policy,
    wire="forceDelete",
    method="delete",
    spoken="forceDelete",
    logged=DELETE.logged,
)

UPDATE = InstanceAction(
    name="update",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    while_locked=True,
    policy="compute:servers:update",
)
