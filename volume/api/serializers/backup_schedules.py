"""Schedules of backups on the wire; this cloud's own."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.fields import LooseBool
from cloudweb.api.filters import equal, flag, identifier
from cloudweb.api.resource import Resource
from cloudweb.api.schedules import ChangedSchedule, NewSchedule, ScheduleShown
from cloudweb.api.shown import Form
from volume.api.serializers.volumes import Id


class BackupScheduleCreate(NewSchedule):
    """``backup_schedule`` of POST /backup-schedules."""

    volume_id: Id
    encrypted: LooseBool = False


class BackupScheduleUpdate(ChangedSchedule):
    """``backup_schedule`` of PUT /backup-schedules/{id}."""

    encrypted: LooseBool = False


class BackupScheduleShown(ScheduleShown):
    """A schedule."""

    volume_id: Annotated[str, Form(str)]
    encrypted: bool


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
