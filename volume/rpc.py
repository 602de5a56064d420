"""What a volume agent can be ordered and asked: the whole contract, readable alone."""

from __future__ import annotations

from cloudweb.rpc import Method
from volume.backups.objects import BackupPoint, BackupRequest, BackupTaken, RestoreRequest
from volume.objects import (
    CopyRequest,
    ExportRequest,
    HandedOver,
    Leftover,
    ManageableFound,
    ManageableRequest,
    ManageRequest,
    ReimageRequest,
    ResizeRequest,
    SnapshotManageRequest,
    SnapshotRef,
    SnapshotsRequest,
    SnapshotState,
    UnexportRequest,
    UnlockRequest,
    UnmanageRequest,
    VolumeConnection,
    VolumeRef,
    VolumeSpec,
    VolumeState,
)
from volume.uploads.objects import UploadRequest, VolumeUploaded

#: Make the volume exist with what its source holds; one that is there already stays as it is.
CREATE = Method(
    "volume.create", VolumeSpec, VolumeState, deadline=900, in_turn=lambda spec: spec.ref.id
)
#: Make the volume absent. It has no snapshots and no attachments any more.
DELETE = Method("volume.delete", VolumeRef, deadline=300, urgent=True, in_turn=lambda ref: ref.id)
#: Make the volume larger, in use or not.
RESIZE = Method(
    "volume.resize",
    ResizeRequest,
    VolumeState,
    deadline=120,
    in_turn=lambda request: request.volume.id,
)
#: Let one attachment use the volume.
EXPORT = Method(
    "volume.export",
    ExportRequest,
    VolumeConnection,
    deadline=60,
    in_turn=lambda request: request.volume.id,
)
#: Cut one attachment off.
UNEXPORT = Method(
    "volume.unexport",
    UnexportRequest,
    deadline=60,
    urgent=True,
    in_turn=lambda request: request.volume.id,
)
#: Serve an encrypted volume again, whose passphrase the host lost with its memory.
UNLOCK = Method(
    "volume.unlock",
    UnlockRequest,
    deadline=60,
    in_turn=lambda request: request.volume.id,
)
#: Make the snapshot hold what the volume holds now; one that is there already stays as it is.
SNAPSHOT = Method(
    "volume.snapshot", SnapshotRef, SnapshotState, deadline=120, in_turn=lambda ref: ref.volume.id
)
#: Make the snapshot absent; volumes made from it keep what they hold.
DELETE_SNAPSHOT = Method(
    "volume.delete_snapshot",
    SnapshotRef,
    deadline=900,
    in_turn=lambda ref: ref.volume.id,
)
#: Make snapshots hold what their volumes hold now: at one moment, where the back end can do that.
SNAPSHOT_TOGETHER = Method("volume.snapshot_together", SnapshotsRequest, deadline=300)
#: Make snapshots that were taken together absent.
DELETE_TOGETHER = Method("volume.delete_together", SnapshotsRequest, deadline=900)
#: Make the volume hold what the snapshot holds; nobody uses it.
REVERT = Method(
    "volume.revert", SnapshotRef, VolumeState, deadline=300, in_turn=lambda ref: ref.volume.id
)
#: Answer with the volume as its host has it.
INSPECT = Method("volume.inspect", VolumeRef, VolumeState, query=True)
#: Let something be gone that lay with a volume for somebody who is at work on it no more.
CLEAR = Method(
    "volume.clear",
    Leftover,
    deadline=120,
    in_turn=lambda left: left.volume.id,
)
#: Take a volume for another host's from now on: nobody is cut off, and nothing of it goes.
HAND_OVER = Method(
    "volume.hand_over",
    HandedOver,
    deadline=120,
    in_turn=lambda handed: handed.volume.id,
)
#: Take a backup of a volume, in use or not, or of a snapshot. Its scope is the backup's.
BACKUP = Method(
    "volume.backup",
    BackupRequest,
    BackupTaken,
    deadline=12 * 3600,
    patient=True,
    in_turn=lambda request: request.point.id,
)
#: Hold nothing for a backup any more.
RELEASE_BACKUP = Method(
    "volume.release_backup",
    BackupPoint,
    deadline=120,
    urgent=True,
    in_turn=lambda point: point.id,
)
#: Make a volume that nobody uses hold what a backup does.
RESTORE = Method(
    "volume.restore",
    RestoreRequest,
    VolumeState,
    deadline=12 * 3600,
    patient=True,
    in_turn=lambda request: request.volume.id,
)
#: Make a volume that nobody uses hold what an image does, and nothing of what it held.
REIMAGE = Method(
    "volume.reimage",
    ReimageRequest,
    VolumeState,
    deadline=12 * 3600,
    patient=True,
    in_turn=lambda request: request.volume.id,
)
#: Let another volume hold what this one does. Of one in use, what is written from then on goes to both.
COPY = Method(
    "volume.copy",
    CopyRequest,
    deadline=12 * 3600,
    patient=True,
    in_turn=lambda request: request.id,
)
#: Let whoever has the volume go over to its copy, of which then nothing is missing: there is no way back.
FOLLOW = Method(
    "volume.follow",
    CopyRequest,
    deadline=12 * 3600,
    patient=True,
    in_turn=lambda request: request.id,
)
#: Write to the copy no more; a volume that followed stays with it.
END_COPY = Method(
    "volume.end_copy",
    CopyRequest,
    deadline=120,
    urgent=True,
    in_turn=lambda request: request.id,
)
#: Bring what a volume, in use or not, holds to an image. Its scope is the image's.
UPLOAD = Method(
    "volume.upload",
    UploadRequest,
    VolumeUploaded,
    deadline=12 * 3600,
    patient=True,
    in_turn=lambda request: request.point.id,
)
#: Answer with what lies in a pool and is nobody's.
MANAGEABLE = Method(
    "volume.manageable", ManageableRequest, ManageableFound, deadline=30, query=True
)
#: Let something that lies in a pool and is nobody's be a volume.
MANAGE = Method(
    "volume.manage",
    ManageRequest,
    VolumeState,
    deadline=300,
    in_turn=lambda request: request.volume.id,
)
#: Let a volume be nobody's: it stays, as a whole, under a name that is none of ours.
UNMANAGE = Method(
    "volume.unmanage",
    UnmanageRequest,
    deadline=12 * 3600,
    patient=True,
    in_turn=lambda request: request.volume.id,
)
#: Let a snapshot that is nobody's be one of a volume's.
MANAGE_SNAPSHOT = Method(
    "volume.manage_snapshot",
    SnapshotManageRequest,
    SnapshotState,
    deadline=120,
    in_turn=lambda request: request.snapshot.volume.id,
)
#: Let a snapshot be nobody's; its volume keeps it.
UNMANAGE_SNAPSHOT = Method(
    "volume.unmanage_snapshot",
    SnapshotManageRequest,
    deadline=120,
    in_turn=lambda request: request.snapshot.volume.id,
)
