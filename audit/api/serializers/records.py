"""Records on the wire, and what a list of them can be asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from audit.filters import RecordFilter
from audit.models import Record
from cloudweb.times import micros_z

Word = Annotated[str, StringConstraints(min_length=1, max_length=255)]


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]


class RecordQuery(BaseModel):
    """The query of a list; times without a zone are UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: Word | None = Field(None, description="id or whole name of who did it")
    project_id: Word | None = Field(None, description="another project's (operators)")
    all_projects: bool = Field(False, description="those of all projects (operators)")
    action: Word | None = Field(
        None, description="a policy's name, or the start of some, ending in a colon"
    )
    target_id: Word | None = Field(None, description="what it was done to")
    request_id: Word | None = Field(None, description="the request it was part of")
    outcome: Literal["success", "refused", "failed"] | None = None
    origin: Literal["api", "dashboard", "admin"] | None = None
    log_ins: bool | None = Field(None, description="false: all but log-ins; true: those alone")
    since: Moment | None = Field(None, description="from this time on")
    until: Moment | None = Field(None, description="before this time")

    def to_filter(self) -> RecordFilter:
        """Return the filter for the manager."""
        return RecordFilter(**self.model_dump())


class User(BaseModel):
    """Who; empty texts where it is not known, as in a log-in that failed."""

    id: str
    name: str
    domain_id: str


class Target(BaseModel):
    """To what; the name where the call said it."""

    kind: str
    id: str
    name: str


class RecordBody(BaseModel):
    """One record."""

    id: str
    time: str
    request_id: str
    origin: str
    remote_address: str
    user: User
    project_id: str
    domain_id: str
    system_scope: bool
    action: str
    target: Target
    outcome: str
    code: str
    status: int | None
    reason: str
    count: int = Field(description="how often: a failed log-in that repeats is one record")
    last_time: str | None = Field(description="of the last repetition; null where there is none")


class ShownRecord(BaseModel):
    """The body of GET /audit/v1/records/{id}."""

    record: RecordBody


class RecordList(BaseModel):
    """The body of GET /audit/v1/records; ``links.next`` is null on the last page."""

    records: list[RecordBody]
    links: dict[str, str | None]


def record_body(row: Record) -> dict[str, Any]:
    """Return what RecordBody describes."""
    return {
        "id": str(row.id),
        "time": micros_z(row.created_at),
        "request_id": row.request_id,
        "origin": row.origin,
        "remote_address": row.remote_address,
        "user": {"id": row.user_id, "name": row.user_name, "domain_id": row.user_domain_id},
        "project_id": row.project_id,
        "domain_id": row.domain_id,
        "system_scope": row.is_system_scope,
        "action": row.action,
        "target": {"kind": row.target_kind, "id": row.target_id, "name": row.target_name},
        "outcome": row.outcome,
        "code": row.code,
        "status": row.status,
        "reason": row.reason,
        "count": row.count,
        "last_time": micros_z(row.last_at),
    }
