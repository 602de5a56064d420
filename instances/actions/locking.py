"""Servers kept from being acted on by mistake."""

from __future__ import annotations

from cloudweb.states import ANY, Mode
from instances.actions.record import Button, InstanceAction

LOCK = InstanceAction(
    name="lock",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    while_locked=True,
    policy="compute:servers:lock",
    wire="lock",
    body="Lock",
    logs=True,
    button=Button(
        label="Lock",
        seldom=True,
        icon="lock",
        done="{} is locked.",
        fits=lambda context, server: not server.locked_by,
    ),
)

UNLOCK = InstanceAction(
    name="unlock",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    while_locked=True,
    policy="compute:servers:unlock",
    wire="unlock",
    logs=True,
    button=Button(
        label="Unlock",
        rare=True,
        icon="lock-open",
        done="{} is unlocked.",
        fits=lambda context, server: (
            server.locked_by == "owner" or (bool(server.locked_by) and context.is_admin)
        ),
    ),
)
