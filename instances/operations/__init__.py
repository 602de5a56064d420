"""The sagas of servers."""

from instances.operations.cache_image import CacheImageOnHost
from instances.operations.create import CreateInstance
from instances.operations.create_image import BackupInstance, CreateImage
from instances.operations.create_with_volumes import CreateInstanceWithVolumes
from instances.operations.delete import DeleteInstance
from instances.operations.evacuate import EvacuateInstance
from instances.operations.image_of_volumes import ImageOfVolumes
from instances.operations.interfaces import AttachInterface, DetachInterface
from instances.operations.live_migrate import LiveMigrateInstance
from instances.operations.pause import (
    PauseInstance,
    ResumeInstance,
    SuspendInstance,
    UnpauseInstance,
)
from instances.operations.power import StartInstance, StopInstance
from instances.operations.reboot import RebootInstance
from instances.operations.rebuild import RebuildInstance
from instances.operations.rebuild_in_volume import RebuildInVolume
from instances.operations.rescue import RescueInstance, UnrescueInstance
from instances.operations.resize import MigrateInstance, ResizeInstance
from instances.operations.resize_decided import ConfirmResize, RevertResize
from instances.operations.shelve import OffloadInstance, ShelveInstance, UnshelveInstance
from instances.operations.soft_delete import RestoreInstance, SoftDeleteInstance
from instances.operations.swap_volume import SwapVolume
from instances.operations.volumes import (
    AttachVolume,
    DetachVolume,
    ExtendVolumeInGuest,
    LimitVolumeInGuest,
)

__all__ = [
    "AttachInterface",
    "AttachVolume",
    "BackupInstance",
    "CacheImageOnHost",
    "ConfirmResize",
    "CreateImage",
    "CreateInstance",
    "CreateInstanceWithVolumes",
    "DeleteInstance",
    "DetachInterface",
    "DetachVolume",
    "EvacuateInstance",
    "ExtendVolumeInGuest",
    "ImageOfVolumes",
    "LimitVolumeInGuest",
    "LiveMigrateInstance",
    "MigrateInstance",
    "OffloadInstance",
    "PauseInstance",
    "RebootInstance",
    "RebuildInVolume",
    "RebuildInstance",
    "RescueInstance",
    "ResizeInstance",
    "RestoreInstance",
    "ResumeInstance",
    "RevertResize",
    "ShelveInstance",
    "SoftDeleteInstance",
    "StartInstance",
    "StopInstance",
    "SuspendInstance",
    "SwapVolume",
    "UnpauseInstance",
    "UnrescueInstance",
    "UnshelveInstance",
]
