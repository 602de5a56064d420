"""What becomes of servers after they were made."""

from __future__ import annotations

from cloudweb.states import ANY, Mode
from instances.actions.record import Button, InstanceAction
from instances.operations import DeleteInstance, RestoreInstance
from instances.states import TaskState as T
from instances.states import VmState as V

DELETE = InstanceAction(
    name="delete",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.PREEMPTING,
    ran=False,
    shows=(T.DELETING, T.SOFT_DELETING),
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

#: At once and for good, also where a setting says that deleted servers can be restored for a while.
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
    spoken="forceDelete",
    logged=DELETE.logged,
)

RESTORE = InstanceAction(
    name="restore",
    vm_states={V.SOFT_DELETED},
    shows=(T.RESTORING,),
    saga=RestoreInstance,
    policy="compute:servers:restore",
    wire="restore",
    button=Button(label="Restore", icon="arrow-back-up", rare=True, done="{} is being restored."),
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
