"""What managers say, in the words of a page; the API keeps OpenStack's."""

from __future__ import annotations

import re
from collections.abc import Callable

from cloudweb.exceptions import CloudwebError
from image.formats import DISK_FORMATS
from instances.states import TaskState, VmState

NOT_ALLOWED = "Your role does not allow this."
NO_ROOM = "No host has room for it."
_STATES = {
    VmState.ACTIVE: "running",
    VmState.BUILDING: "being built",
    VmState.STOPPED: "stopped",
    VmState.PAUSED: "paused",
    VmState.SUSPENDED: "suspended",
    VmState.RESCUED: "rescued",
    VmState.RESIZED: "resized, which waits to be confirmed",
    VmState.SHELVED: "shelved",
    VmState.SHELVED_OFFLOADED: "shelved",
    VmState.SOFT_DELETED: "deleted",
    VmState.ERROR: "in error",
    VmState.DELETED: "deleted",
}


def in_words(text: str) -> str:
    """Return a sentence as a page says it; one that needs no other words comes back as it is."""
    for pattern, say in _SPOKEN:
        text = pattern.sub(say, text)
    return text


def spoken(error: CloudwebError) -> str:
    """Return what an error says, as a page says it."""
    return in_words(error.message)


def _not_while(found: re.Match[str]) -> str:
    attr, state = found["attr"], found["state"]
    if attr == "task_state":
        return f"Not possible now: the server is {_task(state)}."
    return f"Not possible while the server is {_STATES.get(VmState(state), state)}."


def _task(state: str) -> str:
    return {
        TaskState.SCHEDULING: "being built",
        TaskState.NETWORKING: "being built",
        TaskState.SPAWNING: "being built",
        TaskState.DELETING: "being deleted",
    }.get(TaskState(state)) or str(TaskState(state).label)


def _looks_like(found: re.Match[str]) -> str:
    """Name the format to choose where the content is one."""
    content = found["content"]
    if "raw" in content:
        return "This looks like a raw disk; choose raw."
    if content in DISK_FORMATS:
        return f"This looks like {content}; choose {content}."
    return f"This is not {found['declared']}: it looks like {content}."


_SPOKEN: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"Policy doesn't allow \S+ to be performed\."), NOT_ALLOWED),
    (re.compile(r"rule:\S+ is disallowed by policy"), NOT_ALLOWED),
    (re.compile(r"You are not authorized to perform the requested action: \S+"), NOT_ALLOWED),
    (re.compile(r"You are not authorized to complete this action\."), NOT_ALLOWED),
    (re.compile(r"No valid host was found\."), NO_ROOM),
    (
        re.compile(
            r"Cannot '\S+' instance \S+ while it is in (?P<attr>vm_state|task_state) "
            rf"(?P<state>{'|'.join((*VmState.values, *TaskState.values))})$"
        ),
        _not_while,
    ),
    (re.compile(r"^Instance \S+ is locked$"), "Not possible while the server is locked."),
    (
        re.compile(r"^Instance \S+ is not currently available for an action.*"),
        "Not possible now: something is being done to the database, or it failed.",
    ),
    (
        re.compile(r"^The guest of instance \S+ did not answer in time\."),
        "The database's guest did not answer in time. Nothing was done.",
    ),
    (re.compile(r"^Instance \S+ has replicas: "), "It has replicas: "),
    (
        re.compile(r"^The configuration is for another datastore version than the instance's\."),
        "These settings are for another datastore version.",
    ),
    (
        re.compile(r"Security group rule already exists\. Rule id is \S+"),
        "That is let pass already.",
    ),
    (
        re.compile(r"Security Group \S+ in use\."),
        "It has members: take them out of the group first.",
    ),
    (
        re.compile(r"External network \S+ is not reachable from subnet \S+\. Therefore, .*"),
        "It is not reachable from outside: no router joins its network to that of the address.",
    ),
    (re.compile(r"Keypair data is invalid: failed to .*"), "This is not an SSH public key."),
    (
        re.compile(
            r"The image data was refused: it was declared as (?P<declared>\S+) in a \S+ "
            r"container, but its content is (?P<content>.+)\.$"
        ),
        _looks_like,
    ),
)
