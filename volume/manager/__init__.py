"""Managers of volumes, pools and attachments."""

from volume.manager.attachment import AttachmentManager
from volume.manager.building import VolumeRequest
from volume.manager.pool import PoolManager
from volume.manager.volume import VolumeManager
from volume.manager.volume_type import VolumeTypeManager

__all__ = [
    "AttachmentManager",
    "PoolManager",
    "VolumeManager",
    "VolumeRequest",
    "VolumeTypeManager",
]
