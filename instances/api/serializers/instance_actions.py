"""The action log of a server on the wire."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from pydantic import Field

from cloudweb.api.answers import Answer, Link
from cloudweb.api.versioned import leave_out
from cloudweb.context import RequestContext
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since
from cloudweb.times import micros
from instances.timeline import ServerAction, result_of
from operations.history import StepEntry

FOR_OPERATORS = "For operators."
#: Where the log comes in pages.
PAGED = since(58)


class ActionBrief(Answer):
    """What one request did to a server."""

    action: str
    instance_uuid: str
    message: str | None
    project_id: str | None
    request_id: str
    start_time: str
    updated_at: Annotated[str, PAGED]
    user_id: str | None


class ActionPage(Answer):
    """A page of the log."""

    actions: list[ActionBrief] = Field(alias="instanceActions")
    links: Annotated[list[Link], PAGED]


class EventShown(Answer):
    """A step of an action; tenants see its host as a hash."""

    event: str
    start_time: str | None
    finish_time: str | None
    result: str | None
    traceback: str | None = Field(None, description=FOR_OPERATORS)
    host: Annotated[str, since(62)] = Field(description=FOR_OPERATORS)
    host_id: Annotated[str, since(62)] = Field(alias="hostId")
    details: Annotated[str | None, since(84)]


class ActionShown(ActionBrief):
    """What one request did to a server, step by step."""

    events: list[EventShown]


def brief(server_id: str, one: ServerAction, version: Microversion) -> dict[str, Any]:
    """Return an action without its steps."""
    data = {
        "action": one.name,
        "instance_uuid": server_id,
        "message": "Error" if one.entry.failed else None,
        "project_id": one.entry.project_id,
        "request_id": one.entry.request_id,
        "start_time": micros(one.entry.created_at),
        "updated_at": micros(one.entry.updated_at),
        "user_id": one.entry.user_id,
    }
    return leave_out(ActionBrief, version, data)


def full(
    server_id: str, one: ServerAction, context: RequestContext, version: Microversion
) -> dict[str, Any]:
    """Return an action with its steps, newest first.

    Nova shows them to operators alone below 2.51, and the openstack command breaks on that.
    """
    events = [_event(step, one, context, version) for step in reversed(one.entry.steps)]
    return {**brief(server_id, one, version), "events": events}


def _event(
    step: StepEntry, one: ServerAction, context: RequestContext, version: Microversion
) -> dict[str, Any]:
    undo = "undo_" if step.direction == "undo" else ""
    salted = f"{one.entry.project_id}{step.host}".encode()
    data: dict[str, Any] = {
        "event": f"{undo}{step.name}",
        "start_time": micros(step.started_at),
        "finish_time": micros(step.ended_at),
        "result": result_of(step.state, failed=bool(step.error)),
        "hostId": hashlib.sha224(salted).hexdigest() if step.host else "",
        "details": step.error or None,
    }
    if context.is_admin:
        data["traceback"] = step.error_detail or None
        data["host"] = step.host  # clients want a text, also where no host had a part
    return leave_out(EventShown, version, data)
