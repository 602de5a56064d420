"""Services on the wire (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Name
from cloudweb.api.shown import Form, Of, Scene, Seen
from cloudweb.microversions.compute import since, until
from cloudweb.times import micros
from compute.manager import ServiceInfo

#: Ids are numbers, and changes go to a word instead of an id.
NUMERIC = until(52)
Reason = Annotated[Name, StringConstraints(strip_whitespace=False)]


class ServiceNamed(Body):
    """PUT /os-services/enable and /disable, to 2.52."""

    host: Name
    binary: Name


class ServiceDisabled(ServiceNamed):
    """PUT /os-services/disable-log-reason, to 2.52."""

    disabled_reason: Reason


class ServiceForced(ServiceNamed):
    """PUT /os-services/force-down, 2.11 to 2.52."""

    forced_down: LooseBool


class ServiceUpdate(Body):
    """PUT /os-services/{uuid}, from 2.53."""

    status: Literal["enabled", "disabled"] | None = None
    disabled_reason: Reason | None = None
    forced_down: LooseBool | None = None


def _id(info: ServiceInfo, scene: Scene) -> str | int:
    return info.number if scene.at(NUMERIC) else str(info.id)


def status_of(info: ServiceInfo) -> str:
    """Return what an operator decided."""
    return "enabled" if info.enabled else "disabled"


class ServiceShown(Answer):
    """A service; its id is a number up to 2.52."""

    id: Annotated[str | int, Seen(_id)]
    binary: str
    host: str
    zone: str
    status: Annotated[Literal["enabled", "disabled"], Of(status_of)]
    state: Annotated[Literal["up", "down"], Of(lambda info: "up" if info.up else "down")]
    updated_at: Annotated[str | None, Of("seen_at"), Form(micros)]
    disabled_reason: Annotated[str | None, Form(lambda text: text or None)]
    forced_down: Annotated[bool, since(11)]


class ServiceAnswered(Answer):
    """What a change answers: all up from 2.53, what was changed up to 2.52."""

    id: Annotated[str, since(53)]
    binary: str
    host: str
    zone: Annotated[str, since(53)]
    status: Literal["enabled", "disabled"] = "enabled"
    state: Annotated[Literal["up", "down"], since(53)]
    updated_at: Annotated[str | None, since(53)]
    disabled_reason: str | None = None
    forced_down: Annotated[bool, since(11)]
