"""What a host is told about a volume that becomes an image."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cloudweb.objects import VersionedObject
from volume.backups.objects import BackupPoint

#: As images name them.
ImageFormat = Literal["raw", "qcow2", "vdi", "vhd", "vhdx", "vmdk"]


class UploadRequest(VersionedObject):
    """Bring what a volume holds, as a disk of this format, to where ``url`` is signed for."""

    VERSION: ClassVar[str] = "1.0"

    point: BackupPoint
    format: ImageFormat
    url: str


class VolumeUploaded(VersionedObject):
    """What a host brought; ``size`` is its bytes, 0 where all was there already."""

    VERSION: ClassVar[str] = "1.0"

    id: str
    size: int = Field(ge=0)
