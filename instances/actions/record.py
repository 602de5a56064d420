"""What is declared of an action on servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.microversions import ALWAYS, Versions
from cloudweb.policy import Rule, project_member
from cloudweb.states import Action, Mode
from operations.saga import Saga


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """How pages offer an action. ``done`` is said afterwards, with the server's name in it.

    ``warning`` is asked before, ``warning_all`` where it is done to several; ``mild``: nothing is lost
    by it; ``ends``: the server is gone then. ``page`` is the route of a page about the server that asks
    what the action needs besides. ``rare``: it is not shown where it cannot be pressed, ``seldom``: it stands in a
    menu of the page. ``fits`` tells of
    a server whether there is anything to do for this user, where states do not say it.
    """

    label: str
    icon: str
    done: str
    warning: str = ""
    warning_all: str = ""
    mild: bool = False
    ends: bool = False
    page: str = ""
    rare: bool = False
    seldom: bool = False
    fits: Callable[[RequestContext, Any], bool] = lambda context, server: True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InstanceAction(Action):
    """One action. ``ran``: only once the server ran. ``while_locked``: also for who is no admin, then.

    ``policy`` is declared with its ``rule``. ``wire`` is its key in POST .../action at these ``versions``;
    without one it has a route of its own, or is a kind of another action. ``saga_in_volume`` does it to the
    volume that a server boots from. ``method`` of InstanceManager
    does it, with ``arguments`` and what the body says; ``body`` and ``answer`` name classes of
    ``instances/api/serializers/actions.py``, ``status`` goes with it. 409s say ``spoken``, the action
    log ``logged``; of free actions it keeps those that say ``logs``. What is not said is the name, and
    no body or answer.
    """

    policy: str
    rule: Rule = project_member
    saga: type[Saga] | None = None
    saga_in_volume: type[Saga] | None = None
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

    def is_done_by(self, kind: str) -> bool:
        """Tell whether operations of a kind are its."""
        return kind == self.kind or (
            self.saga_in_volume is not None and kind == self.saga_in_volume.kind
        )

    def may_start(
        self, vm_state: str, task_state: str | None, *, ran: bool, locked: bool = False
    ) -> bool:
        """Tell whether it starts on a server in these states; ``locked``: and for this caller."""
        open_to_all = self.while_locked or not locked
        return open_to_all and (ran or not self.ran) and self.allows(vm_state, task_state)

    def done_by(self, manager: Any, instance_id: str, **said: Any) -> Any:
        """Have the manager do it; ``said`` is what the body says. Raises what the method raises."""
        return getattr(manager, self.method)(instance_id, **{**self.arguments, **said})
