"""What every schedule of backups says on the wire (``cloudweb/schedules.py``); each API adds of what it is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, LooseBool, Name
from cloudweb.api.shown import Form, Of
from cloudweb.times import micros

Hours = Annotated[int, Field(ge=1, le=24 * 366)]
Count = Annotated[int, Field(ge=0, le=1000)]
Kept = Annotated[int, Field(ge=1, le=1000)]


class ScheduleRules(Body):
    """When, and what is kept; ``interval`` in hours."""

    interval: Hours = 24
    full_every: Count = 0
    enabled: LooseBool = True
    keep_last: Kept = 7
    keep_daily: Count = 0
    keep_weekly: Count = 0
    keep_monthly: Count = 0


class ScheduleShown(Answer):
    """A schedule."""

    id: Annotated[str, Form(str)]
    name: str
    project_id: str
    enabled: bool
    interval: int
    full_every: int
    keep_last: int
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    next_at: Annotated[str, Form(micros)]
    last_at: Annotated[str | None, Form(micros)]
    last_error: Annotated[str | None, Of(lambda row: row.last_error or None)]
    created_at: Annotated[str, Form(micros)]
    updated_at: Annotated[str | None, Form(micros)]


class NewSchedule(ScheduleRules):
    """What makes one."""

    name: Name


class ChangedSchedule(ScheduleRules):
    """What changes one."""

    name: Name = ""
