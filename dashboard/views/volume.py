"""One volume: its facts, who has it, and what is done to it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from cloudweb.listing import Listing
from dashboard.components.backups import backup_facts
from dashboard.components.volumes import (
    called,
    holders_of,
    images_of,
    is_busy,
    may_end,
    may_grow,
    may_reimage,
    may_retype,
    may_upload,
    servers_of,
    space_of,
    type_name,
    types_of,
    volume_badge,
)
from dashboard.forms.backups import KINDS, BackUpForm, VolumeScheduleForm
from dashboard.forms.volumes import (
    AttachVolumeForm,
    GrowForm,
    ReimageVolumeForm,
    RenameVolumeForm,
    RetypeVolumeForm,
    SnapshotForm,
    UploadVolumeForm,
)
from dashboard.views.page import Page, is_htmx
from image.exceptions import ImageNotFound
from image.manager import ImageManager
from volume.exceptions import VolumeNotFound
from volume.manager import SnapshotManager, TransferManager, VolumeManager
from volume.states import ACTIONS, AT_REST, VolumeStatus

if TYPE_CHECKING:
    from volume.models import Volume


#: So many points in time are shown on the page.
SHOWN = 50
#: How an image of a volume can be written.
FORMATS = (("qcow2", "qcow2: as large as what is on it"), ("raw", "raw: as large as the disk"))


class VolumePage(Page):
    """The page of a volume; htmx gets its live part."""

    section = "volumes"

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show it."""
        try:
            facts = self.facts(volume_id)
        except VolumeNotFound:
            if not is_htmx(request):
                raise
            response = HttpResponse(status=204)  # it was deleted while we watched
            response.headers["HX-Redirect"] = reverse("volumes")
            return response
        if is_htmx(request):
            return self.fragment("dashboard/volumes/live.html", **facts)
        return self.shown(facts)

    def shown(self, facts: dict[str, Any], *, status: int = 200, **more: Any) -> HttpResponse:
        """Show the whole page, with these forms as they were filled in."""
        volume = facts["volume"]
        named = {"name": volume.name or "", "description": volume.description or ""}
        forms = {
            "grow": GrowForm(space=facts["space"]),
            "rename": RenameVolumeForm(initial=named),
            "snapshot": SnapshotForm(auto_id="snapshot_%s"),
            "back_up": self.back_up_form(facts) if facts["may_back_up"] else None,
            "schedule": VolumeScheduleForm(auto_id="schedule_%s")
            if facts["may_schedule"]
            else None,
            "attach": self.attach_form() if facts["may_attach"] else None,
            "upload": self.upload_form() if facts["may_upload"] else None,
            "retype": self.retype_form(volume) if facts["may_retype"] else None,
            **more,
        }
        return self.render("dashboard/volumes/detail.html", status=status, **facts, **forms)

    def facts(self, volume_id: uuid.UUID) -> dict[str, Any]:
        """Return what the page and its live part show."""
        manager = VolumeManager(self.context)
        volume = manager.get(volume_id)
        history = manager.history(volume_id)
        may_update = self.may("volume:volumes:update")
        return {
            "volume": volume,
            "name": called(volume),
            "type_name": type_name(volume.volume_type),
            "badge": volume_badge(volume),
            "holders": holders_of(self.context, [volume]).get(str(volume.id), ()),
            "image": self._image(volume),
            "entry": history[0] if history else None,
            "busy": is_busy(volume) or bool(history and history[0].is_live),
            "space": space_of(self.context, own=volume.size),
            "may_update": may_update,
            "may_attach": self.may("compute:servers:attach_volume") and _may_attach(volume),
            "may_detach": self.may("compute:servers:detach_volume"),
            "snapshots": self._snapshots(volume),
            "may_snapshot": self.may("volume:snapshots:create") and volume.status in AT_REST,
            "may_delete_snapshots": self.may("volume:snapshots:delete"),
            **backup_facts(self.context, volume, self.may),
            "may_grow": self.may("volume:volumes:extend") and may_grow(volume),
            "may_upload": self.may("volume:volumes:upload") and may_upload(volume),
            "may_reimage": self.may("volume:volumes:reimage") and may_reimage(volume),
            "may_retype": self.may("volume:volumes:retype") and may_retype(volume),
            "may_delete": self.may("volume:volumes:delete"),
            "may_end": may_end(volume),
            "may_offer": self.may("volume:transfers:create"),
            "offerable": volume.status in ACTIONS["transfer"].starts_in,
            "offer": self._offer(volume),
        }

    def attach_form(self, data: Any = None) -> AttachVolumeForm:
        """Return the form that asks for a server."""
        return AttachVolumeForm(
            data, offered={"server": servers_of(self.context)}, auto_id="attach_%s"
        )

    def upload_form(self, data: Any = None) -> UploadVolumeForm:
        """Return the form of an image of it."""
        return UploadVolumeForm(data, offered={"disk_format": FORMATS}, auto_id="upload_%s")

    def reimage_form(self, data: Any = None) -> ReimageVolumeForm:
        """Return the form that asks for an image; the page has it only where it was asked for."""
        return ReimageVolumeForm(
            data, offered={"image": images_of(self.context)}, auto_id="reimage_%s"
        )

    def retype_form(self, volume: Volume, data: Any = None) -> RetypeVolumeForm:
        """Return the form that asks for another type than it has."""
        own = str(volume.volume_type_id)
        types = [one for one in types_of(self.context) if one[0] != own]
        return RetypeVolumeForm(data, offered={"volume_type": types}, auto_id="retype_%s")

    def back_up_form(self, facts: dict[str, Any], data: Any = None) -> BackUpForm:
        """Return the form of a backup now; only what changed, where there is one to compare with."""
        kinds = KINDS if facts["has_backup"] else KINDS[1:]
        return BackUpForm(data, offered={"kind": kinds}, auto_id="backup_%s")

    def _snapshots(self, volume: Volume) -> Sequence[Any]:
        """Return its points in time, newest first."""
        asked = Listing(where=Q(volume=volume.id), order=("-created_at", "-id"), limit=SHOWN)
        return SnapshotManager(self.context).pages(asked).rows

    def _offer(self, volume: Volume) -> Any:
        """Return the transfer by which another project may take it; None when there is none."""
        if volume.status != VolumeStatus.AWAITING_TRANSFER:
            return None
        asked = Listing(where=Q(volume_id=volume.id), limit=1)
        found = TransferManager(self.context).list(asked, all_projects=True).rows
        return found[0] if found else None

    def _image(self, volume: Volume) -> Any:
        """Return the image it began with; None when it is gone or hidden by now."""
        try:
            return ImageManager(self.context).get(volume.image_id) if volume.image_id else None
        except ImageNotFound:
            return None

    def refuse(
        self, volume_id: uuid.UUID, name: str, form: Any, error: CloudwebError | None = None
    ) -> HttpResponse:
        """Show the page again with what is wrong in a form."""
        if error is not None:
            form.refuse(error)
        return self.shown(self.facts(volume_id), status=422, opened=name, **{name: form})

    def back(self, volume_id: uuid.UUID, text: str) -> HttpResponse:
        """Say what was done, on the volume's page."""
        return self.done(text, reverse("volume", args=[volume_id]))


def _may_attach(volume: Volume) -> bool:
    several = volume.multiattach and volume.status in AT_REST
    return volume.status == VolumeStatus.AVAILABLE or several


class GrowVolume(VolumePage):
    """Make a volume larger."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="grow")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        volume = VolumeManager(self.context).get(volume_id)
        form = GrowForm(request.POST, space=space_of(self.context, own=volume.size))
        if not form.is_valid():
            return self.refuse(volume_id, "grow", form)
        try:
            VolumeManager(self.context).extend(str(volume_id), size=form.cleaned_data["size"])
        except CloudwebError as error:
            return self.refuse(volume_id, "grow", form, error)
        return self.back(volume_id, f"{called(volume)} grows to {form.cleaned_data['size']} GiB.")


class RenameVolume(VolumePage):
    """Say what a volume is called and is for."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="rename")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Write it down."""
        form = RenameVolumeForm(request.POST)
        if not form.is_valid():
            return self.refuse(volume_id, "rename", form)
        try:
            volume = VolumeManager(self.context).update(str(volume_id), **form.cleaned_data)
        except CloudwebError as error:
            return self.refuse(volume_id, "rename", form, error)
        return self.back(volume_id, f"It is called {called(volume)} now.")


class DeleteVolume(Page):
    """Delete a volume, from its page."""

    section = "volumes"

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Start it."""
        manager = VolumeManager(self.context)
        name = called(manager.get(volume_id))
        manager.delete(str(volume_id))
        return self.done(f"{name} is being deleted.", reverse("volumes"))
