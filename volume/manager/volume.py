"""Volumes: their rules, rows and operations."""

from __future__ import annotations

from volume.manager.building import VolumeBuilding
from volume.manager.dependents import VolumeDependents
from volume.manager.listing import VolumeLists
from volume.manager.managing import VolumeManaging
from volume.manager.metadata import VolumeMetadata
from volume.manager.moving import VolumeMoving
from volume.manager.reimaging import VolumeReimaging
from volume.manager.uploading import VolumeUploading


class VolumeManager(
    VolumeBuilding,
    VolumeLists,
    VolumeMetadata,
    VolumeMoving,
    VolumeUploading,
    VolumeReimaging,
    VolumeManaging,
    VolumeDependents,
):
    """The volumes of the caller's project (of all, for an admin who says so).

    By activity, a file each; lookup.py is what they have in common.
    """
