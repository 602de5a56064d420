"""Volumes become images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.policy import policy
from image.changes import custom
from image.manager import ImageManager
from volume.exceptions import InvalidVolume
from volume.manager.lookup import VolumeLookups, check_status
from volume.models import Pool, Volume
from volume.operations import UploadVolume
from volume.states import VolumeStatus
from volume.uploads.objects import ImageFormat

#: The capability of a pool's driver: it reads a volume as it was at one moment.
CAPABILITY = "backups"
#: What a volume knows of the image it was made from that is no property of the new one.
OF_THE_OLD = frozenset({"image_id", "image_name", "signature_verified"})
NUMBERS = ("min_disk", "min_ram")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWish:
    """The image that a volume shall become; ``force`` takes a volume that is in use."""

    name: str
    disk_format: ImageFormat = "raw"
    container_format: str = "bare"
    visibility: str = "private"
    protected: bool = False
    force: bool = False


class VolumeUploading(VolumeLookups):
    """Makes images of volumes."""

    @policy("volume:volumes:upload")
    def upload(self, volume_id: str, wanted: ImageWish) -> tuple[Volume, str]:
        """Record an image and start bringing a volume's content there; return the image's id.

        Raises VolumeNotFound, InvalidVolume, and what stands against a new image.
        """
        with transaction.atomic():
            volume = self._locked(volume_id)
            check_status(volume, "upload")
            if volume.status == VolumeStatus.IN_USE and not wanted.force:
                raise InvalidVolume(
                    f"Volume {volume.id} status must be available to upload it without force, "
                    f"but it is {volume.status}."
                )
            _check_able(volume)
            image = ImageManager(self.context).create(attributes=_attributes(volume, wanted))
            Volume.objects.filter(id=volume.id).update(
                status=VolumeStatus.UPLOADING, previous_status=volume.status, updated_at=now()
            )
            args = {"volume_id": str(volume.id), "format": wanted.disk_format}
            UploadVolume.start(self.context, resource_id=str(image.id), args=args)
        return self.get(volume.id), str(image.id)


def _check_able(volume: Volume) -> None:
    if volume.encrypted:  # an image is plain, and its project may share it
        raise InvalidVolume(f"Volume {volume.id} is encrypted, and cannot be uploaded to an image.")
    pool = None if volume.pool_id is None else Pool.objects.filter(id=volume.pool_id).first()
    if pool is None or CAPABILITY not in pool.capabilities:
        raise InvalidVolume(f"Volume {volume.id} cannot be uploaded to an image where it is.")


def _attributes(volume: Volume, wanted: ImageWish) -> Mapping[str, Any]:
    """Return what the image is, with what the volume has of the image it was made from."""
    known = volume.image_metadata
    properties = {key: text for key, text in custom(known).items() if key not in OF_THE_OLD}
    numbers = {key: int(known[key]) for key in NUMBERS if known.get(key, "").isdecimal()}
    said = {
        "name": wanted.name,
        "disk_format": wanted.disk_format,
        "container_format": wanted.container_format,
        "visibility": wanted.visibility,
        "protected": wanted.protected,
    }
    return {**properties, **numbers, **said}
