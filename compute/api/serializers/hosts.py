"""Hosts on the wire, to 2.42 (contract 3.4)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body
from cloudweb.api.shown import Of


def _lower(said: object) -> object:
    return said.lower() if isinstance(said, str) else said


Switch = Annotated[Literal["enable", "disable"], BeforeValidator(_lower)]


class HostUpdate(Body):
    """PUT /os-hosts/{host}: one of both at least."""

    status: Switch | None = None
    maintenance_mode: Switch | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.status is None and self.maintenance_mode is None:
            raise ValueError("'status' or 'maintenance_mode' is a required property")
        return self


class HostShown(Answer):
    """A service by its host; it is called what it does."""

    host_name: Annotated[str, Of("host")]
    service: Annotated[str, Of(lambda info: info.binary.removeprefix("nova-"))]
    zone: str


class HostAnswered(Answer):
    """What a host is after a change."""

    host: Annotated[str, Of("name")]
    status: Annotated[
        Literal["enabled", "disabled"], Of(lambda host: "enabled" if host.enabled else "disabled")
    ]


class UseShown(Answer):
    """What there is in all, is used now, is promised at most, or a project's part of it."""

    host: str
    project: str
    cpu: Annotated[int, Of("vcpus")]
    memory_mb: Annotated[int, Of("ram")]
    disk_gb: Annotated[int, Of("disk")]


class Part(Answer):
    """One of these."""

    resource: UseShown
