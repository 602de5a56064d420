"""All that can be done to a server, each by one record.

A new action is one record here, one method of InstanceManager and one saga with its drill. What reads
the records: the guard of the managers and its 409s, POST /servers/{id}/action and its OpenAPI schema,
policies, the action log, the buttons of dashboard and operators, docs/states.md, access tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudweb.microversions import ALWAYS, Versions
from cloudweb.policy import Rule, project_member
from cloudweb.states import ANY, Action, Mode
from instances.operations import DeleteInstance, RebootInstance, StartInstance, StopInstance
from instances.states import TaskState as T
from instances.states import VmState as V
from operations.saga import Saga


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """How pages offer an action. ``done`` is said afterwards, with the server's name in it.

    ``warning`` is asked before, ``warning_all`` where it is done to several; ``mild``: nothing is lost
    by it; ``ends``: the server is gone then.
    ``page`` is the route of a page about the server that asks what the action needs besides.
    """

    label: str
    icon: str
    done: str
    warning: str = ""
    warning_all: str = ""
    mild: bool = False
    ends: bool = False
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InstanceAction(Action):
    """One action. ``ran``: only once the server ran. ``while_locked``: also for who is no admin, then.

    ``policy`` is declared with its ``rule``.

    ``wire`` is its key in POST .../action at these ``versions``; without one it has a route of its own,
    or is a kind of another action. ``method`` of InstanceManager does it, with
    ``arguments`` and what the body says; ``body`` and ``answer`` name classes of
    ``instances/api/serializers/actions.py``, ``status`` goes with it. 409s say ``spoken``,
    the action log ``logged``; of free actions it keeps those that say ``logs``. What is not said is the
    name, and no body or answer.
    """

    policy: str
    rule: Rule = project_member
    saga: type[Saga] | None = None
    ran: bool = True
    while_locked: bool = False
    wire: str = ""
    versions: Versions = ALWAYS
    method: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    answer: str = ""
    status: int = 202
    spoken: str = ""
    logged: str = ""
    logs: bool = False
    button: Button | None = None

    def __post_init__(self) -> None:
        if self.operates != (self.saga is not None) or self.operates != bool(self.shows):
            raise ValueError(f"{self.name}: an operation has a saga and shows a task")
        if self.logs and self.mode is not Mode.FREE:
            raise ValueError(f"{self.name}: an operation is in the log by itself, a question never")
        for unsaid in ("method", "spoken"):
            object.__setattr__(self, unsaid, getattr(self, unsaid) or self.name)
        object.__setattr__(self, "logged", self.logged or self.spoken)

    @property
    def kind(self) -> str:
        """The kind of its operations."""
        return self.saga.kind if self.saga else f"instances.{self.name}"

    def may_start(
        self, vm_state: str, task_state: str | None, *, ran: bool, locked: bool = False
    ) -> bool:
        """Tell whether it starts on a server in these states; ``locked``: and for this caller."""
        open_to_all = self.while_locked or not locked
        return open_to_all and (ran or not self.ran) and self.allows(vm_state, task_state)

    def done_by(self, manager: Any, instance_id: str, **said: Any) -> Any:
        """Have the manager do it; ``said`` is what the body says. Raises what the method raises."""
        return getattr(manager, self.method)(instance_id, **{**self.arguments, **said})


START = InstanceAction(
    name="start",
    vm_states={V.STOPPED},
    shows=(T.POWERING_ON,),
    saga=StartInstance,
    policy="compute:servers:start",
    wire="os-start",
    button=Button(label="Start", icon="player-play", done="{} is starting."),
)
STOP = InstanceAction(
    name="stop",
    vm_states={V.ACTIVE, V.ERROR},
    shows=(T.POWERING_OFF,),
    saga=StopInstance,
    policy="compute:servers:stop",
    wire="os-stop",
    button=Button(
        label="Stop",
        icon="player-stop",
        done="{} is shutting down.",
        warning="Its guest is asked to shut down. "
        "Disk and addresses are kept until it is started again.",
        warning_all="Their guests are asked to shut down. "
        "Disks and addresses are kept until they are started again.",
        mild=True,
    ),
)
REBOOT = InstanceAction(
    name="reboot",
    vm_states={V.ACTIVE},
    shows=(T.REBOOTING,),
    saga=RebootInstance,
    policy="compute:servers:reboot",
    wire="reboot",
    body="Reboot",
    button=Button(
        label="Reboot",
        icon="reload",
        done="{} is rebooting.",
        warning="Its guest is asked to restart, and is away for a moment.",
        warning_all="Their guests are asked to restart, and are away for a moment.",
        mild=True,
    ),
)
HARD_REBOOT = InstanceAction(
    name="hard_reboot",
    vm_states={V.ACTIVE, V.STOPPED, V.ERROR},
    task_states={None, T.REBOOTING, T.REBOOTING_HARD},
    mode=Mode.PREEMPTING,
    shows=(T.REBOOTING_HARD,),
    saga=RebootInstance,
    policy="compute:servers:reboot",
    spoken="reboot",
    method="reboot",
    arguments={"hard": True},
    button=Button(
        label="Hard reboot",
        icon="power",
        done="{} is rebooting hard.",
        warning="Its power is cut and switched on again; "
        "what the guest has not written to disk is lost.",
        warning_all="Their power is cut and switched on again; "
        "what guests have not written to disk is lost.",
    ),
)
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
UPDATE = InstanceAction(
    name="update",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    while_locked=True,
    policy="compute:servers:update",
)
METADATA = InstanceAction(
    name="metadata",
    vm_states={V.ACTIVE, V.STOPPED},
    task_states=ANY,
    mode=Mode.FREE,
    ran=False,
    policy="compute:servers:update_metadata",
    method="update_metadata",
    spoken="update metadata of",
)
CONSOLE_OUTPUT = InstanceAction(
    name="console_output",
    vm_states=ANY,
    task_states=ANY,
    mode=Mode.READING,
    ran=False,
    while_locked=True,
    policy="compute:servers:console_output",
    wire="os-getConsoleOutput",
    body="ConsoleOutput",
    answer="ConsoleText",
    status=200,
)

#: Every action by its name.
ACTIONS: dict[str, InstanceAction] = {
    record.name: record for record in tuple(vars().values()) if isinstance(record, InstanceAction)
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
