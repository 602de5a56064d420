"""Projects whose serial consoles are recorded, and what was recorded of all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from cloudweb.admin import NEWEST_FIRST, ManagedAdmin, Values
from instances.manager import ConsoleRecordingManager
from instances.models import ConsoleRecording, RecordedProject


@admin.register(RecordedProject)
class RecordedProjectAdmin(ManagedAdmin):
    """Projects with recording turned on; to remove one turns it off."""

    can_add = True
    can_delete = True
    fields = ("project_id",)
    list_display = ("project_id", "user_id", "created_at")
    search_fields = ("project_id",)
    ordering = ("-created_at", "project_id")

    def create(self, request: HttpRequest, values: Values) -> Model:
        """Turn it on by the manager."""
        project = values["project_id"]
        ConsoleRecordingManager(self.context(request)).switch(project, on=True)
        return RecordedProject(project_id=project)

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Turn it off by the manager."""
        ConsoleRecordingManager(self.context(request)).switch(row.project_id, on=False)


@admin.register(ConsoleRecording)
class ConsoleRecordingAdmin(ManagedAdmin):
    """Who looked at which console, when; what was shown is for the project's managers."""

    ordering = NEWEST_FIRST
    list_display = (
        "created_at",
        "seen_until",
        "instance_name",
        "user_name",
        "remote_address",
        "size",
        "project_id",
    )
    search_fields = ("instance_name", "instance_id", "user_name", "project_id")
