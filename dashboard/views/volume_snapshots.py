"""Points in time of a volume: taken, gone back to, deleted."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.components.volumes import volumes_in
from dashboard.forms.volumes import SnapshotForm
from dashboard.views.page import Page
from dashboard.views.volume import VolumePage
from instances.manager import InstanceManager
from volume.manager import SnapshotManager


class TakeSnapshot(VolumePage):
    """Keep what the volume holds now, in use or not."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="snapshot")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        form = SnapshotForm(request.POST, auto_id="snapshot_%s")
        if not form.is_valid():
            return self.refuse(volume_id, "snapshot", form)
        name = form.cleaned_data["name"]
        try:
            SnapshotManager(self.context).create(str(volume_id), name=name, in_use=True)
        except CloudwebError as error:
            return self.refuse(volume_id, "snapshot", form, error)
        return self.back(volume_id, f"{name} is being taken.")


class SnapshotServer(Page):
    """Keep what all volumes of a server hold, together."""

    section = "servers"

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Start it."""
        server = InstanceManager(self.context).get(server_id)
        ids = [one.id for one in volumes_in(self.context, str(server.id))]
        SnapshotManager(self.context).create_together(ids, name=server.name)
        text = f"The volumes of {server.name} are being snapshotted together."
        return self.done(text, reverse("server", args=[server_id]))


class _OfASnapshot(Page):
    """Something is done to one point in time of a volume."""

    section = "volumes"

    def back(self, volume_id: uuid.UUID, text: str) -> HttpResponse:
        """Say what was done, on the volume's page."""
        return self.done(text, reverse("volume", args=[volume_id]))


class RevertVolume(_OfASnapshot):
    """Take the volume back to its newest snapshot."""

    def post(
        self, request: HttpRequest, volume_id: uuid.UUID, snapshot_id: uuid.UUID
    ) -> HttpResponse:
        """Start it."""
        SnapshotManager(self.context).revert(volume_id, snapshot_id)
        return self.back(volume_id, "The volume goes back to its snapshot.")


class DeleteSnapshot(_OfASnapshot):
    """Keep a point in time no longer."""

    def post(
        self, request: HttpRequest, volume_id: uuid.UUID, snapshot_id: uuid.UUID
    ) -> HttpResponse:
        """Start it."""
        SnapshotManager(self.context).delete(snapshot_id)
        return self.back(volume_id, "The snapshot is being deleted.")
