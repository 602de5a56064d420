"""Managers of volumes, types, pools and attachments."""

from volume.manager.agent import AgentManager
from volume.manager.attachment import AttachmentManager
from volume.manager.backup import BackupManager
from volume.manager.backup_schedule import BackupScheduleManager
from volume.manager.backup_taking import BackupWish
from volume.manager.building import VolumeRequest
from volume.manager.classic import ClassicAttachments
from volume.manager.connection import ConnectionManager
from volume.manager.default_volume_type import DefaultVolumeTypeManager
from volume.manager.extension import ExtensionManager
from volume.manager.group import GroupManager
from volume.manager.group_snapshot import GroupSnapshotManager
from volume.manager.group_type import GroupTypeManager
from volume.manager.limits import LimitsManager
from volume.manager.manageable import ManageableManager
from volume.manager.message import MessageManager
from volume.manager.pool import PoolManager
from volume.manager.pool_stats import PoolStatManager
from volume.manager.qos_spec import QosSpecManager
from volume.manager.service import ServiceManager
from volume.manager.snapshot import SnapshotManager
from volume.manager.stuck import StuckAttachments
from volume.manager.swapping import SwapManager
from volume.manager.transfer import TransferManager
from volume.manager.twin import TwinManager
from volume.manager.uploading import ImageWish
from volume.manager.volume import VolumeManager
from volume.manager.volume_type import VolumeTypeManager
from volume.manager.volume_type_access import VolumeTypeAccessManager
from volume.manager.volume_type_encryption import VolumeTypeEncryptionManager
from volume.manager.volume_type_extra_spec import VolumeTypeExtraSpecManager
from volume.manager.zone import ZoneManager

__all__ = [
    "AgentManager",
    "AttachmentManager",
    "BackupManager",
    "BackupScheduleManager",
    "BackupWish",
    "ClassicAttachments",
    "ConnectionManager",
    "DefaultVolumeTypeManager",
    "ExtensionManager",
    "GroupManager",
    "GroupSnapshotManager",
    "GroupTypeManager",
    "ImageWish",
    "LimitsManager",
    "ManageableManager",
    "MessageManager",
    "PoolManager",
    "PoolStatManager",
    "QosSpecManager",
    "ServiceManager",
    "SnapshotManager",
    "StuckAttachments",
    "SwapManager",
    "TransferManager",
    "TwinManager",
    "VolumeManager",
    "VolumeRequest",
    "VolumeTypeAccessManager",
    "VolumeTypeEncryptionManager",
    "VolumeTypeExtraSpecManager",
    "VolumeTypeManager",
    "ZoneManager",
]
