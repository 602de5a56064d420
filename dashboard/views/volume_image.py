"""A volume becomes an image, is written anew from one, or becomes of another type."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from dashboard.components.volumes import called
from dashboard.views.volume import VolumePage
from volume.manager import ImageWish, VolumeManager


class UploadVolume(VolumePage):
    """Make an image of what it holds now, in use or not."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="upload")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Start it and show the image, or show the form again with what is wrong."""
        form = self.upload_form(request.POST)
        if not form.is_valid():
            return self.refuse(volume_id, "upload", form)
        said = form.cleaned_data
        wanted = ImageWish(name=said["name"], disk_format=said["disk_format"], force=True)
        try:
            _, image_id = VolumeManager(self.context).upload(str(volume_id), wanted)
        except CloudwebError as error:
            return self.refuse(volume_id, "upload", form, error)
        return self.done(f"{wanted.name} is being made.", reverse("image", args=[image_id]))


class ReimageVolume(VolumePage):
    """Write an image over it."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open, where that can be done."""
        facts = self.facts(volume_id)
        form = self.reimage_form() if facts["may_reimage"] else None
        return self.shown(facts, opened="reimage", reimage=form)

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Start it, or show the form again with what is wrong."""
        form = self.reimage_form(request.POST)
        if not form.is_valid():
            return self.refuse(volume_id, "reimage", form)
        manager = VolumeManager(self.context)
        try:
            manager.reimage(str(volume_id), form.cleaned_data["image"])
        except CloudwebError as error:
            return self.refuse(volume_id, "reimage", form, error)
        return self.back(volume_id, f"{called(manager.get(volume_id))} is written anew.")


class RetypeVolume(VolumePage):
    """Let it be of another type, where it is or elsewhere."""

    def get(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Show the volume with the form open."""
        return self.shown(self.facts(volume_id), opened="retype")

    def post(self, request: HttpRequest, volume_id: uuid.UUID) -> HttpResponse:
        """Do it, or show the form again with what is wrong."""
        manager = VolumeManager(self.context)
        volume = manager.get(volume_id)
        form = self.retype_form(volume, request.POST)
        if not form.is_valid():
            return self.refuse(volume_id, "retype", form)
        said = form.cleaned_data
        try:
            manager.retype(
                str(volume_id),
                new_type=said["volume_type"],
                migration_policy="on-demand" if said["move"] else "never",
            )
        except CloudwebError as error:
            return self.refuse(volume_id, "retype", form, error)
        moves = manager.get(volume_id).wanted_type_id is not None
        text = "moves in order to be of another type." if moves else "is of another type now."
        return self.back(volume_id, f"{called(volume)} {text}")
