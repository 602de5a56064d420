"""The sagas of volumes, and of their backups."""

from volume.operations.connect_volume import ExportVolume, UnexportVolume
from volume.operations.create_volume import CreateVolume
from volume.operations.delete_backup import DeleteBackup
from volume.operations.delete_snapshot import DeleteSnapshot
from volume.operations.delete_together import DeleteTogether
from volume.operations.delete_volume import DeleteVolume
from volume.operations.extend_volume import ExtendVolume
from volume.operations.hand_over import HandOver
from volume.operations.import_backup import ImportBackup
from volume.operations.manage_snapshot import ManageSnapshot, UnmanageSnapshot
from volume.operations.manage_volume import ManageVolume
from volume.operations.move_volume import MoveVolume
from volume.operations.move_with_guest import MoveWithGuest
from volume.operations.prove_backup import ProveBackup
from volume.operations.reimage_volume import ReimageVolume
from volume.operations.restore_backup import RestoreBackup, RestoreVolume
from volume.operations.revert_volume import RevertVolume
from volume.operations.snapshot_together import SnapshotTogether
from volume.operations.take_backup import TakeBackup
from volume.operations.take_snapshot import TakeSnapshot
from volume.operations.unlock_volume import UnlockVolume
from volume.operations.unmanage_volume import UnmanageVolume
from volume.operations.upload_volume import UploadVolume

__all__ = [
    "CreateVolume",
    "DeleteBackup",
    "DeleteSnapshot",
    "DeleteTogether",
    "DeleteVolume",
    "ExportVolume",
    "ExtendVolume",
    "HandOver",
    "ImportBackup",
    "ManageSnapshot",
    "ManageVolume",
    "MoveVolume",
    "MoveWithGuest",
    "ProveBackup",
    "ReimageVolume",
    "RestoreBackup",
    "RestoreVolume",
    "RevertVolume",
    "SnapshotTogether",
    "TakeBackup",
    "TakeSnapshot",
    "UnexportVolume",
    "UnlockVolume",
    "UnmanageSnapshot",
    "UnmanageVolume",
    "UploadVolume",
]
