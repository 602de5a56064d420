"""What is asked of a guest itself, and what its row is put right by."""

from __future__ import annotations

from cloudweb.microversions.compute import since
from cloudweb.policy import admin
from cloudweb.states import ANY, IDLE, Mode
from instances.actions.record import Button, InstanceAction
from instances.states import VmState as V

CHANGE_PASSWORD = InstanceAction(
    name="change_password",
    vm_states={V.ACTIVE},
    task_states=IDLE,
    mode=Mode.FREE,
    policy="compute:servers:change_password",
    wire="changePassword",
    body="ChangePassword",
    spoken="changePassword",
    logs=True,
)

TRIGGER_CRASH_DUMP = InstanceAction(
    name="trigger_crash_dump",
    vm_states={V.ACTIVE, V.PAUSED, V.RESCUED, V.RESIZED, V.ERROR},
    task_states=IDLE,
    mode=Mode.FREE,
    policy="compute:servers:trigger_crash_dump",
    wire="trigger_crash_dump",
    versions=since(17),
    logs=True,
)

RESET_STATE = InstanceAction(
    name="reset_state",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    while_locked=True,
    policy="compute:servers:reset_state",
    rule=admin,
    wire="os-resetState",
    body="ResetState",
    spoken="resetState",
    logs=True,
    button=Button(
        label="Check state",
        seldom=True,
        icon="refresh",
        done="{} is shown as its guest is.",
        warning="Its guest is looked at on its host, and the server is from then on what that is. "
        "Nothing is done to the guest.",
        warning_all="Their guests are looked at on their hosts, and the servers are from then on what "
        "these are. Nothing is done to the guests.",
        mild=True,
    ),
)
