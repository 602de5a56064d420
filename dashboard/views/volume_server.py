"""A volume goes into a server and comes out of it."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.components.volumes import called
from dashboard.views.page import Page
from dashboard.views.volume import VolumePage
from instances.manager import InstanceManager
from volume.manager import VolumeManager


class AttachVolume(VolumePage):
    """Give it to a server, running or not."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="attach")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        name = called(VolumeManager(self.context).get(volume_id))
        form = self.attach_form(request.POST)
        if not form.is_valid():
            return self.refuse(volume_id, "attach", form)
        server = form.cleaned_data["server"]
        try:
            InstanceManager(self.context).attach_volume(server, str(volume_id))
        except CloudwebError as error:
            return self.refuse(volume_id, "attach", form, error)
        return self.back(volume_id, f"{name} is being attached.")


class DetachVolume(Page):
    """Take it out of a server; what is on it stays."""

    section = "volumes"

    def post(
        self, request: HttpRequest, volume_id: uuid.UUID, server_id: uuid.UUID
    ) -> HttpResponse:
        """Start it."""
        name = called(VolumeManager(self.context).get(volume_id))
        InstanceManager(self.context).detach_volume(str(server_id), str(volume_id))
        return self.done(f"{name} is being detached.", reverse("volume", args=[volume_id]))
