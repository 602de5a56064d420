"""The sagas of volumes."""

from volume.operations.connect_volume import ExportVolume, UnexportVolume
from volume.operations.create_volume import CreateVolume
from volume.operations.delete_snapshot import DeleteSnapshot
from volume.operations.delete_volume import DeleteVolume
from volume.operations.extend_volume import ExtendVolume
from volume.operations.revert_volume import RevertVolume
from volume.operations.take_snapshot import TakeSnapshot

__all__ = [
    "CreateVolume",
    "DeleteSnapshot",
    "DeleteVolume",
    "ExportVolume",
    "ExtendVolume",
    "RevertVolume",
    "TakeSnapshot",
    "UnexportVolume",
]
