"""Buttons of a server: which there are, and which the state table enables now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudweb.context import RequestContext
from cloudweb.policy import allows
from instances.states import possible

if TYPE_CHECKING:
    from instances.models import Instance


@dataclass(frozen=True, slots=True)
class Button:
    """``name`` is the action of the state table; ``warning`` is asked before it is done.

    ``mild``: nothing is lost by it.
    """

    name: str
    text: str
    icon: str
    policy: str
    warning: str = ""
    mild: bool = False
    enabled: bool = False


BUTTONS = (
    Button("start", "Start", "player-play", "compute:servers:start"),
    Button(
        "stop",
        "Stop",
        "player-stop",
        "compute:servers:stop",
        "Its guest is asked to shut down. Disk and addresses are kept until it is started again.",
        mild=True,
    ),
    Button(
        "reboot",
        "Reboot",
        "reload",
        "compute:servers:reboot",
        "Its guest is asked to restart, and is away for a moment.",
        mild=True,
    ),
    Button(
        "hard_reboot",
        "Hard reboot",
        "power",
        "compute:servers:reboot",
        "Its power is cut and switched on again; what the guest has not written to disk is lost.",
    ),
    Button(
        "delete",
        "Delete",
        "trash",
        "compute:servers:delete",
        "Its disk and addresses are gone for good.",
    ),
)


def buttons(context: RequestContext, instance: Instance) -> Sequence[Button]:
    """Return the buttons the user may have at all, those enabled that may be pressed now."""
    now = set(possible(instance.vm_state, instance.task_state))
    if instance.launched_at is None:
        now &= {"delete"}
    return [
        Button(one.name, one.text, one.icon, one.policy, one.warning, enabled=one.name in now)
        for one in BUTTONS
        if allows(context, one.policy)
    ]
