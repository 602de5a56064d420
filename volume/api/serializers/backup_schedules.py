"""Schedules of backups on the wire; this cloud's own."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Name
from cloudweb.api.filters import equal, flag, identifier
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of
from cloudweb.times import micros
from volume.api.serializers.volumes import Id

Hours = Annotated[int, Field(ge=1, le=24 * 366)]
Count = Annotated[int, Field(ge=0, le=1000)]
Kept = Annotated[int, Field(ge=1, le=1000)]


class BackupScheduleCreate(Body):
    """``backup_schedule`` of POST /backup-schedules; ``interval`` in hours."""

    volume_id: Id
    name: Name
    interval: Hours = 24
    full_every: Count = 0
    encrypted: LooseBool = False
    enabled: LooseBool = True
    keep_last: Kept = 7
    keep_daily: Count = 0
    keep_weekly: Count = 0
    keep_monthly: Count = 0


class BackupScheduleUpdate(Body):
    """``backup_schedule`` of PUT /backup-schedules/{id}."""

    name: Name = ""
    interval: Hours = 24
    full_every: Count = 0
    encrypted: LooseBool = False
    enabled: LooseBool = True
    keep_last: Kept = 7
    keep_daily: Count = 0
    keep_weekly: Count = 0
    keep_monthly: Count = 0


class BackupScheduleShown(Answer):
    """A schedule."""

    id: Annotated[str, Form(str)]
    name: str
    volume_id: Annotated[str, Form(str)]
    project_id: str
    enabled: bool
    interval: int
    full_every: int
    encrypted: bool
    keep_last: int
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    next_at: Annotated[str, Form(micros)]
    last_at: Annotated[str | None, Form(micros)]
    last_error: Annotated[str | None, Of(lambda row: row.last_error or None)]
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str | None, Form(micros)]


BACKUP_SCHEDULE = Resource(
    "backup_schedule",
    "backup_schedules",
    BackupScheduleShown,
    BackupScheduleCreate,
    BackupScheduleUpdate,
    filters={
        "name": equal("name"),
        "volume_id": identifier("volume_id"),
        "enabled": flag("enabled"),
    },
    sort_keys={"created_at": "created_at", "id": "id", "name": "name"},
    order=("-created_at", "-id"),
)
