"""Managers of volumes, types, pools and attachments."""

from volume.manager.attachment import AttachmentManager
from volume.manager.building import VolumeRequest
from volume.manager.default_volume_type import DefaultVolumeTypeManager
from volume.manager.pool import PoolManager
from volume.manager.qos_spec import QosSpecManager
from volume.manager.volume import VolumeManager
from volume.manager.volume_type import VolumeTypeManager
from volume.manager.volume_type_access import VolumeTypeAccessManager
from volume.manager.volume_type_encryption import VolumeTypeEncryptionManager
from volume.manager.volume_type_extra_spec import VolumeTypeExtraSpecManager

__all__ = [
    "AttachmentManager",
    "DefaultVolumeTypeManager",
    "PoolManager",
    "QosSpecManager",
    "VolumeManager",
    "VolumeRequest",
    "VolumeTypeAccessManager",
    "VolumeTypeEncryptionManager",
    "VolumeTypeExtraSpecManager",
    "VolumeTypeManager",
]
