"""All that can be done to a server, each by one record: a file for each activity, as the managers have.

A new action is one record here, one method of InstanceManager and one saga with its drill. What reads
the records: the guard of the managers and its 409s, POST /servers/{id}/action and its OpenAPI schema,
policies, the action log, the buttons of dashboard and operators, docs/states.md, access tests.
"""

from __future__ import annotations

from cloudweb.states import Mode
from instances.actions import (
    addresses,
    console,
    evacuating,
    images,
    inside,
    interfaces,
    lifecycle,
    locking,
    metadata,
    moving,
    power,
    recovery,
    resizing,
    security_groups,
    shelf,
    volumes,
)
from instances.actions.record import Button, InstanceAction

__all__ = ["ACTIONS", "Button", "InstanceAction", "called", "possible"]

#: Every action by its name.
ACTIONS: dict[str, InstanceAction] = {
    record.name: record
    for activity in (
        *(
            power,
            recovery,
            lifecycle,
            resizing,
            moving,
            locking,
            metadata,
            security_groups,
            addresses,
            volumes,
            console,
        ),
        *(images, interfaces, inside, shelf, evacuating),
    )
    for record in vars(activity).values()
    if isinstance(record, InstanceAction)
}


def called(wire: str) -> InstanceAction | None:
    """Return the action that POST .../action knows by this key."""
    return next((one for one in ACTIONS.values() if one.wire and one.wire == wire), None)


def possible(
    vm_state: str, task_state: str | None, *, ran: bool = True, locked: bool = False
) -> list[str]:
    """Return the names of the actions that may start now: what pages enable."""
    return [
        name
        for name, action in ACTIONS.items()
        if action.mode is not Mode.READING
        and action.may_start(vm_state, task_state, ran=ran, locked=locked)
    ]
