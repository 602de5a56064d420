"""The action log of a server on the wire."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import Field

from cloudweb.api.answers import Answer, Link
from cloudweb.api.shown import Form, Of, Scene, Seen, When, shown
from cloudweb.microversions.compute import since
from cloudweb.times import micros
from instances.timeline import ServerAction, ServerEvent

#: Where the log comes in pages.
PAGED = since(58)


def _to_operators(scene: Scene) -> bool:
    return scene.context is not None and scene.context.is_admin


def _host_id(event: ServerEvent) -> str:
    """Return the host as a hash that differs from project to project."""
    salted = f"{event.project_id}{event.step.host}".encode()
    return hashlib.sha224(salted).hexdigest() if event.step.host else ""


class ActionBrief(Answer):
    """What one request did to a server."""

    action: Annotated[str, Of("name")]
    instance_uuid: Annotated[str, Of("server_id")]
    message: Annotated[str | None, Of(lambda one: "Error" if one.entry.failed else None)]
    project_id: Annotated[str | None, Of("entry.project_id")]
    request_id: Annotated[str, Of("entry.request_id")]
    start_time: Annotated[str, Of("entry.created_at"), Form(micros)]
    updated_at: Annotated[str, PAGED, Of("entry.updated_at"), Form(micros)]
    user_id: Annotated[str | None, Of("entry.user_id")]


class ActionPage(Answer):
    """A page of the log."""

    actions: list[ActionBrief] = Field(alias="instanceActions")
    links: Annotated[list[Link], PAGED]


class EventShown(Answer):
    """A step of an action; tenants see its host as a hash."""

    event: Annotated[str, Of("name")]
    start_time: Annotated[str | None, Of("step.started_at"), Form(micros)]
    finish_time: Annotated[str | None, Of("step.ended_at"), Form(micros)]
    result: str | None
    traceback: Annotated[
        str | None,
        Of(lambda event: event.step.error_detail or None),
        When(_to_operators),
        Field(description="For operators."),
    ] = None
    host: Annotated[  # clients want a text, also where no host had a part
        str, since(62), Of("step.host"), When(_to_operators), Field(description="For operators.")
    ]
    host_id: Annotated[str, since(62), Of(_host_id)] = Field(alias="hostId")
    details: Annotated[str | None, since(84), Of(lambda event: event.step.error or None)]


def _events(action: ServerAction, scene: Scene) -> list[dict[str, object]]:
    """Return the steps, newest first.

    Nova shows them to operators alone below 2.51, and the openstack command breaks on that.
    """
    return shown(EventShown, reversed(action.events), scene)


class ActionShown(ActionBrief):
    """What one request did to a server, step by step."""

    events: Annotated[list[EventShown], Seen(_events)]
