"""Volumes are written anew from images; their ids, sizes and types stay."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import F

from cloudweb.database.clock import now
from cloudweb.policy import policy
from operations.holding import ResourceBusy
from volume import attaching
from volume.exceptions import InvalidVolume, InvalidVolumeInput
from volume.manager.building import image_as_source
from volume.manager.lifecycle import MAKING
from volume.manager.lookup import VolumeLookups, check_status
from volume.models import Attachment, Pool, Volume
from volume.operations import ReimageVolume
from volume.resolution import tenant_of
from volume.states import AttachmentStatus, VolumeStatus

#: The capability of a pool's driver.
CAPABILITY = "reimage"


class VolumeReimaging(VolumeLookups):
    """All raise VolumeNotFound, InvalidVolume and BadRequest (400) before anything is touched."""

    @policy("volume:volumes:reimage")
    def reimage(self, volume_id: str, image_id: str, *, reserved: bool = False) -> None:
        """Start writing an image over a volume; ``reserved``: also one that is held for a server."""
        with transaction.atomic():
            volume = self._locked(volume_id)
            check_status(volume, "reimage_reserved" if reserved else "reimage")
            held = Attachment.objects.filter(volume=volume)
            if held.exclude(status=AttachmentStatus.RESERVED).exists():
                raise InvalidVolume(f"Volume {volume.id} is attached.")
            args = _take(volume, image_id)
            try:
                ReimageVolume.start(self.context, resource_id=str(volume.id), args=args)
            except ResourceBusy as error:
                raise InvalidVolume(error.message) from error

    @policy("volume:volumes:reimage")
    def take_to_reimage(self, volume_id: str | uuid.UUID, image_id: str) -> dict[str, Any]:
        """Take the volume of one server, whose operation writes it anew; return what that is told.

        Call inside ``atomic()``.
        """
        volume = self._locked(volume_id)
        check_status(volume, "reimage_in_server")
        if Attachment.objects.filter(volume=volume).count() != 1:
            raise InvalidVolume(f"Volume {volume.id} is in several servers.")
        return {**_take(volume, image_id), "was": volume.status}

    @policy("volume:volumes:reimage")
    def leave_as_it_is(self, volume_id: str, *, was: str) -> None:
        """Give a volume back that was taken, and not begun to be written."""
        rows = Volume.objects.visible_to(self.context).filter(
            id=volume_id, status=VolumeStatus.DOWNLOADING
        )
        rests = was if was == VolumeStatus.ERROR else F("previous_status")
        rows.update(status=rests, updated_at=now())


def _take(volume: Volume, image_id: str) -> dict[str, Any]:
    """Let a locked volume wait for an image; return the operation's arguments."""
    if not Pool.objects.filter(volumes=volume, capabilities__lists=CAPABILITY).exists():
        raise InvalidVolume(f"The back end of volume {volume.id} cannot write it anew.")
    if Volume.objects.filter(source_volume_id=volume.id, status__in=MAKING).exists():
        raise InvalidVolume(f"Volume {volume.id} is being copied.")
    source = image_as_source(tenant_of(volume), image_id)
    if source.size > volume.size:
        raise InvalidVolumeInput(
            f"Volume size {volume.size}GB cannot be smaller than the image size {source.size}GB."
        )
    Volume.objects.filter(id=volume.id).update(status=VolumeStatus.DOWNLOADING, updated_at=now())
    waiting = Volume.objects.get(id=volume.id)
    attaching.settle(waiting)
    return {
        "image_id": str(source.columns["image_id"]),
        "image_metadata": source.columns["image_metadata"],
    }
