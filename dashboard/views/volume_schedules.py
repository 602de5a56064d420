"""Schedules by which a volume is backed up: made, changed, paused, ended."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.forms.backups import VolumeScheduleForm
from dashboard.views.page import Page
from dashboard.views.volume import VolumePage
from volume.manager import BackupScheduleManager, VolumeManager


class NewSchedule(VolumePage):
    """Back it up by itself from now on."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="schedule")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        VolumeManager(self.context).get(volume_id)
        form = VolumeScheduleForm(request.POST, auto_id="schedule_%s")
        if not form.is_valid():
            return self.refuse(volume_id, "schedule", form)
        try:
            made = BackupScheduleManager(self.context).create(str(volume_id), form.cleaned_data)
        except CloudwebError as error:
            return self.refuse(volume_id, "schedule", form, error)
        return self.back(volume_id, f"{made.name} begins with a backup now.")


class EditSchedule(VolumePage):
    """Change when, and what is kept."""

    def get(
        self, request: HttpRequest, volume_id: uuid.UUID, schedule_id: uuid.UUID | None = None
    ) -> HttpResponse:
        """Show the volume with the form open."""
        schedule = BackupScheduleManager(self.context).find(str(schedule_id))
        form = VolumeScheduleForm(schedule=schedule, auto_id="edit_schedule_%s")
        return self.shown(
            self.facts(volume_id), opened="edit_schedule", edited=schedule, edit_schedule=form
        )

    def post(
        self, request: HttpRequest, volume_id: uuid.UUID, schedule_id: uuid.UUID
    ) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        schedule = BackupScheduleManager(self.context).find(schedule_id)
        form = VolumeScheduleForm(request.POST, schedule=schedule, auto_id="edit_schedule_%s")
        if form.is_valid():
            try:
                BackupScheduleManager(self.context).update(str(schedule_id), form.cleaned_data)
            except CloudwebError as error:
                form.refuse(error)
            else:
                return self.back(volume_id, f"{form.cleaned_data['name']} is changed.")
        return self.shown(
            self.facts(volume_id),
            status=422,
            opened="edit_schedule",
            edited=schedule,
            edit_schedule=form,
        )


class _SwitchSchedule(Page):
    """Pause it, or go on with it."""

    section = "volumes"
    enabled: ClassVar[bool]
    said: ClassVar[str]

    def post(
        self, request: HttpRequest, volume_id: uuid.UUID, schedule_id: uuid.UUID
    ) -> HttpResponse:
        """Write it down."""
        manager = BackupScheduleManager(self.context)
        schedule = manager.update(str(schedule_id), {"enabled": self.enabled})
        return self.done(self.said.format(schedule.name), reverse("volume", args=[volume_id]))


class PauseSchedule(_SwitchSchedule):
    """Take no backups by it for now; what it took is kept by its rules."""

    enabled, said = False, "{} is paused."


class ResumeSchedule(_SwitchSchedule):
    """Take backups by it again."""

    enabled, said = True, "{} goes on."


class DeleteSchedule(Page):
    """End it; its backups stay."""

    section = "volumes"

    def post(
        self, request: HttpRequest, volume_id: uuid.UUID, schedule_id: uuid.UUID
    ) -> HttpResponse:
        """Do it."""
        BackupScheduleManager(self.context).delete(str(schedule_id))
        return self.done(
            "The schedule is ended. Its backups stay.", reverse("volume", args=[volume_id])
        )
