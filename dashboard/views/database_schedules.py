"""Schedules by which a database is backed up: made, changed, paused, ended."""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any, ClassVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from dashboard.forms.backups import ScheduleForm
from dashboard.views.box import Box
from dashboard.views.database_backups import DatabaseOwnBackups
from dashboard.views.detail_page import Press
from databases.manager import DatabaseBackupScheduleManager


class NewDatabaseSchedule(Box, DatabaseOwnBackups):
    """Back it up by itself from now on."""

    box = "schedule"

    def effect(self, said: dict[str, Any]) -> str:
        """Record it."""
        made = DatabaseBackupScheduleManager(self.context).create(self.key, said)
        return f"{made.name} begins with a backup now."


class EditDatabaseSchedule(Box, DatabaseOwnBackups):
    """Change when, and what is kept."""

    box = "edit_schedule"
    schedule_id: uuid.UUID

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Keep which one it is about."""
        self.schedule_id = kwargs.pop("schedule_id")
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def edited(self) -> Any:
        """Find it; raise BackupScheduleNotFound."""
        return DatabaseBackupScheduleManager(self.context).find(self.schedule_id)

    def forms(self) -> dict[str, Any]:
        """Add the form of this one."""
        return {
            **super().forms(),
            "edited": self.edited,
            "edit_schedule_form": self.edit_schedule_form(),
        }

    def edit_schedule_form(self, data: Any = None) -> ScheduleForm:
        """Return its form."""
        return ScheduleForm(data, schedule=self.edited, auto_id="edit_schedule_%s")

    def effect(self, said: dict[str, Any]) -> str:
        """Write it down."""
        changed = DatabaseBackupScheduleManager(self.context).update(self.schedule_id, said)
        return f"{changed.name} is changed."


class _SwitchSchedule(Press, DatabaseOwnBackups):
    """Pause it, or go on with it."""

    enabled: ClassVar[bool]
    said: ClassVar[str]

    def effect(self, **about: Any) -> str:
        """Write it down."""
        manager = DatabaseBackupScheduleManager(self.context)
        return self.said.format(
            manager.update(about["schedule_id"], {"enabled": self.enabled}).name
        )


class PauseDatabaseSchedule(_SwitchSchedule):
    """Take no backups by it for now; what it took is kept by its rules."""

    enabled, said = False, "{} is paused."


class ResumeDatabaseSchedule(_SwitchSchedule):
    """Take backups by it again."""

    enabled, said = True, "{} goes on."


class DeleteDatabaseSchedule(Press, DatabaseOwnBackups):
    """End it; its backups stay."""

    def effect(self, **about: Any) -> str:
        """Do it."""
        DatabaseBackupScheduleManager(self.context).delete(about["schedule_id"])
        return "The schedule is ended. Its backups stay."
