"""Schedules of backups of databases on the wire; this cloud's own, for Trove leaves them to another service."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.schedules import ChangedSchedule, NewSchedule, ScheduleShown
from cloudweb.api.shown import Form
from databases.api.serializers.instances import Ref


class DatabaseScheduleCreate(NewSchedule):
    """``backup_schedule`` of POST /backup_schedules."""

    instance: Ref


class DatabaseScheduleUpdate(ChangedSchedule):
    """``backup_schedule`` of PUT /backup_schedules/{id}."""


class DatabaseScheduleShown(ScheduleShown):
    """A schedule."""

    instance_id: Annotated[str, Form(str)]
