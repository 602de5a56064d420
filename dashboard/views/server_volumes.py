"""A volume of a running server is exchanged for another one."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.components.volumes import called, fit_for
from dashboard.forms.server_volumes import SwapVolumeForm
from dashboard.views.server import ServerOverview
from instances.manager import InstanceManager
from volume.manager import VolumeManager


class SwapVolume(ServerOverview):
    """Let another volume hold what one does, and be the server's disk in its place."""

    def get(self, request: HttpRequest, server_id: uuid.UUID, **about: uuid.UUID) -> HttpResponse:
        """Show the server with the form open."""
        volume_id = about["volume_id"]
        return self._asked(server_id, volume_id, self._form(volume_id))

    def post(
        self, request: HttpRequest, server_id: uuid.UUID, volume_id: uuid.UUID
    ) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        form = self._form(volume_id, request.POST)
        if form.is_valid():
            other = form.cleaned_data["volume"]
            try:
                InstanceManager(self.context).swap_volume(str(server_id), str(volume_id), other)
            except CloudwebError as error:
                form.refuse(error)
            else:
                name = called(VolumeManager(self.context).get(volume_id))
                text = f"{name} is being exchanged; the server runs on."
                return self.done(text, reverse("server", args=[server_id]))
        return self._asked(server_id, volume_id, form, status=422)

    def _form(self, volume_id: uuid.UUID, data: Any = None) -> SwapVolumeForm:
        offered = {"volume": fit_for(self.context, VolumeManager(self.context).get(volume_id))}
        return SwapVolumeForm(data, offered=offered, auto_id="swap_%s")

    def _asked(
        self, server_id: uuid.UUID, volume_id: uuid.UUID, form: SwapVolumeForm, *, status: int = 200
    ) -> HttpResponse:
        facts = {**self.facts(server_id), "swapped_id": volume_id}
        return self.shown(facts, status=status, opened="swap", swap_form=form)
