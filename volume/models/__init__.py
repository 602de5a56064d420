"""The tables of volumes."""

from volume.models.agent import Agent
from volume.models.attachment import Attachment
from volume.models.backup import Backup, BackupLineage
from volume.models.backup_schedule import BackupSchedule
from volume.models.group import Group, GroupType
from volume.models.group_snapshot import GroupSnapshot
from volume.models.message import Message
from volume.models.pool import Pool
from volume.models.qos_spec import QosConsumer, QosSpec
from volume.models.snapshot import Snapshot
from volume.models.transfer import Transfer
from volume.models.volume import Volume
from volume.models.volume_type import (
    DefaultVolumeType,
    VolumeType,
    VolumeTypeAccess,
    VolumeTypeEncryption,
)

__all__ = [
    "Agent",
    "Attachment",
    "Backup",
    "BackupLineage",
    "BackupSchedule",
    "DefaultVolumeType",
    "Group",
    "GroupSnapshot",
    "GroupType",
    "Message",
    "Pool",
    "QosConsumer",
    "QosSpec",
    "Snapshot",
    "Transfer",
    "Volume",
    "VolumeType",
    "VolumeTypeAccess",
    "VolumeTypeEncryption",
]
