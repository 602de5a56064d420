"""Instances as operators see them."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Text
from cloudweb.api.shown import Form, Of
from cloudweb.times import seconds
from databases.api.serializers.actions import ConfirmOff, Nothing
from databases.api.serializers.instances import InstanceShown


def _text(value: object) -> str | None:
    return None if value is None else str(value)


class ManagedInstance(InstanceShown):
    """An instance with its parts."""

    project_id: str
    task_description: Annotated[str, Of("task")]
    parts_project_id: str
    port_id: Annotated[str | None, Form(_text)]
    security_group_id: Annotated[str | None, Of("group_id"), Form(_text)]


class Migration(Body):
    """The value of ``migrate``: where to, unless the scheduler shall choose."""

    host: Text | None = None


class Rebuild(Body):
    """The value of ``rebuild``: from which image, unless it shall be its version's."""

    image_id: Text | None = None


#: Action -> what its key holds.
MANAGED_BODIES: dict[str, type[Body]] = {
    "stop": Nothing,
    "reboot": Nothing,
    "restart": Nothing,
    "migrate": Migration,
    "rebuild": Rebuild,
    "confirm-off": ConfirmOff,
    "reset-task-status": Nothing,
}


class RootHistory(Answer):
    """When root was let in first, and by whom."""

    id: Annotated[str, Form(str)]
    enabled: Annotated[str, Of("root_enabled_at"), Form(seconds)]
    user: Annotated[str, Of("root_enabled_by")]
