"""The sagas of volumes."""

from volume.operations.connect_volume import ExportVolume, UnexportVolume
from volume.operations.create_volume import CreateVolume
from volume.operations.delete_volume import DeleteVolume
from volume.operations.extend_volume import ExtendVolume

__all__ = ["CreateVolume", "DeleteVolume", "ExportVolume", "ExtendVolume", "UnexportVolume"]
