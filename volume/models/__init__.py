"""The tables of volumes."""

from volume.models.attachment import Attachment
from volume.models.pool import Pool
from volume.models.snapshot import Snapshot
from volume.models.volume import Volume
from volume.models.volume_type import VolumeType

__all__ = ["Attachment", "Pool", "Snapshot", "Volume", "VolumeType"]
