"""A volume is backed up now."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse

from cloudweb.exceptions import CloudwebError
from dashboard.views.volume import VolumePage
from volume.manager import BackupManager, BackupWish


class BackUpVolume(VolumePage):
    """Back it up as it is at this moment, in use or not."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="back_up")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Start it, or show the form again with what is wrong."""
        form = self.back_up_form(self.facts(volume_id), request.POST)
        if not form.is_valid():
            return self.refuse(volume_id, "back_up", form)
        said = form.cleaned_data
        wish = BackupWish(
            volume_id=str(volume_id),
            name=said["name"],
            incremental=form.incremental,
            encrypted=said["encrypted"] and not form.incremental,
            force=True,
        )
        try:
            BackupManager(self.context).create(wish)
        except CloudwebError as error:
            return self.refuse(volume_id, "back_up", form, error)
        return self.back(volume_id, f"{said['name']} is being taken.")
