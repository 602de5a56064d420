"""Usage on the wire."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import Answer
from cloudweb.api.shown import Form, Of
from cloudweb.times import micros


class ServerUsage(Answer):
    """What one server used."""

    instance_id: Annotated[str, Of("id")]
    name: str
    hours: float
    tenant_id: Annotated[str, Of("project_id")]
    flavor: str
    memory_mb: Annotated[int, Of("ram")]
    local_gb: Annotated[int, Of("disk")]
    vcpus: int
    state: str
    started_at: Annotated[str, Form(micros)]
    ended_at: Annotated[str | None, Form(micros)]
    uptime: int


class ProjectTotals(Answer):
    """What a project's servers used, each times the hours that it ran."""

    tenant_id: Annotated[str, Of("project_id")]
    start: Annotated[str, Of("window.start"), Form(micros)]
    stop: Annotated[str, Of("window.end"), Form(micros)]
    total_hours: Annotated[float, Of("hours")]
    total_vcpus_usage: Annotated[float, Of(lambda row: row.times("vcpus"))]
    total_memory_mb_usage: Annotated[float, Of(lambda row: row.times("ram"))]
    total_local_gb_usage: Annotated[float, Of(lambda row: row.times("disk"))]


class ProjectUsage(ProjectTotals):
    """The same, with each server's part where it was asked for."""

    server_usages: list[ServerUsage] | None = None


class NoUsage(Answer):
    """Nothing was used."""
