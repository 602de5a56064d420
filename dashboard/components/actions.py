"""Buttons of a server: which there are, and which the state table enables now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cloudweb.context import RequestContext
from cloudweb.policy import allows
from instances.actions import ACTIONS, Button, possible

if TYPE_CHECKING:
    from instances.models import Instance


class ServerButton(NamedTuple):
    """The button of the action of this name."""

    name: str
    face: Button
    enabled: bool


def buttons(context: RequestContext, instance: Instance) -> Sequence[ServerButton]:
    """Return the buttons the user may have, those enabled that may be pressed now; rare ones only then."""
    now = possible(
        instance.vm_state,
        instance.task_state,
        ran=instance.launched_at is not None,
        locked=bool(instance.locked_by) and not context.is_admin,
    )
    found = [
        ServerButton(name, action.button, name in now and action.button.fits(context, instance))
        for name, action in ACTIONS.items()
        if action.button is not None and allows(context, action.policy)
    ]
    return [one for one in found if one.enabled or not one.face.rare]
