"""The statuses of volumes, snapshots and attachments, and what each action may start from.

Every rule about a status stands here (contract 10.2); whatever is not allowed is a 400.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from django.db.models import TextChoices


class VolumeStatus(TextChoices):
    """What a volume can be, or is being done to it."""

    CREATING = "creating", "creating"
    DOWNLOADING = "downloading", "downloading"
    AVAILABLE = "available", "available"
    RESERVED = "reserved", "reserved"
    ATTACHING = "attaching", "attaching"
    IN_USE = "in-use", "in use"
    DETACHING = "detaching", "detaching"
    UPLOADING = "uploading", "uploading"
    EXTENDING = "extending", "extending"
    RETYPING = "retyping", "retyping"
    REVERTING = "reverting", "reverting"
    MAINTENANCE = "maintenance", "maintenance"
    MANAGING = "managing", "managing"
    UNMANAGING = "unmanaging", "unmanaging"
    BACKING_UP = "backing-up", "backing up"
    RESTORING_BACKUP = "restoring-backup", "restoring a backup"
    AWAITING_TRANSFER = "awaiting-transfer", "awaiting transfer"
    DELETING = "deleting", "deleting"
    ERROR = "error", "error"
    ERROR_DELETING = "error_deleting", "error while deleting"
    ERROR_EXTENDING = "error_extending", "error while extending"
    ERROR_RESTORING = "error_restoring", "error while restoring"
    ERROR_BACKING_UP = "error_backing-up", "error while backing up"
    ERROR_MANAGING = "error_managing", "error while managing"


class SnapshotStatus(TextChoices):
    """What a snapshot can be, or is being done to it."""

    CREATING = "creating", "creating"
    AVAILABLE = "available", "available"
    BACKING_UP = "backing-up", "backing up"
    DELETING = "deleting", "deleting"
    UPDATING = "updating", "updating"
    RESTORING = "restoring", "restoring"
    UNMANAGING = "unmanaging", "unmanaging"
    ERROR = "error", "error"
    ERROR_DELETING = "error_deleting", "error while deleting"


class BackupStatus(TextChoices):
    """What a backup can be, or is being done to it."""

    CREATING = "creating", "creating"
    AVAILABLE = "available", "available"
    RESTORING = "restoring", "restoring"
    DELETING = "deleting", "deleting"
    ERROR = "error", "error"
    ERROR_DELETING = "error_deleting", "error while deleting"


#: What a backup can be deleted from; an operator's force goes over all.
BACKUP_ENDS_FROM = frozenset(
    {BackupStatus.AVAILABLE, BackupStatus.ERROR, BackupStatus.ERROR_DELETING}
)


class AttachmentStatus(TextChoices):
    """How far a volume is in a server."""

    RESERVED = "reserved", "reserved"
    ATTACHING = "attaching", "attaching"
    ATTACHED = "attached", "attached"
    DETACHING = "detaching", "detaching"
    DETACHED = "detached", "detached"
    ERROR_ATTACHING = "error_attaching", "error while attaching"
    ERROR_DETACHING = "error_detaching", "error while detaching"


#: How long an attachment may be on its way (minutes); after that, and once it failed, it hangs.
PATIENCE = 10
ON_ITS_WAY = (
    AttachmentStatus.RESERVED,
    AttachmentStatus.ATTACHING,
    AttachmentStatus.DETACHING,
)
FAILED = (AttachmentStatus.ERROR_ATTACHING, AttachmentStatus.ERROR_DETACHING)


class GroupStatus(TextChoices):
    """What a group of volumes is; it is being created while its volumes are copied from another's."""

    CREATING = "creating", "creating"
    AVAILABLE = "available", "available"
    ERROR = "error", "error"


class GroupSnapshotStatus(TextChoices):
    """What the snapshots of a group's volumes are, all of them."""

    CREATING = "creating", "creating"
    AVAILABLE = "available", "available"
    DELETING = "deleting", "deleting"
    ERROR = "error", "error"
    ERROR_DELETING = "error_deleting", "error while deleting"


class Consistency(TextChoices):
    """What snapshots that were taken together hold, seen together."""

    FILE_SYSTEMS = "file-systems", "of one moment, with everything written to the file systems"
    ONE_MOMENT = "one-moment", "of one moment, as after a power cut"
    EACH = "each", "each of a moment of its own, as after a power cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What an action may start from, and what the volume shows from then on (None: it stays)."""

    starts_in: Set[str]
    shows: str | None = None


class MigrationStatus(TextChoices):
    """How far a volume is on its way to another pool."""

    STARTING = "starting", "starting"
    MIGRATING = "migrating", "migrating"
    COMPLETING = "completing", "completing"
    SUCCESS = "success", "success"
    ERROR = "error", "error"


#: What a migration that is over left behind.
SETTLED = (None, "", "none", MigrationStatus.SUCCESS, MigrationStatus.ERROR, "deleting")
#: What a volume on its way to another pool lets be done to it all the same.
WHILE_MIGRATING = frozenset({"metadata", "force_delete"})

_S = VolumeStatus
#: In use or not, and nothing under way.
AT_REST = frozenset({_S.AVAILABLE, _S.IN_USE})
#: While its attachments alone decide.
BY_ATTACHMENT = frozenset({_S.AVAILABLE, _S.RESERVED, _S.ATTACHING, _S.IN_USE, _S.DETACHING})
_ALL = frozenset(_S.values)
#: action -> what it may start from.
ACTIONS: Mapping[str, Action] = {
    "attach": Action(starts_in=AT_REST, shows=_S.RESERVED),
    "detach": Action(starts_in=frozenset({_S.IN_USE, _S.DETACHING}), shows=_S.DETACHING),
    "begin_detaching": Action(starts_in=frozenset({_S.IN_USE}), shows=_S.DETACHING),
    "roll_detaching": Action(starts_in=frozenset({_S.DETACHING}), shows=_S.IN_USE),
    "extend": Action(starts_in=AT_REST, shows=_S.EXTENDING),
    "extend_available": Action(starts_in=frozenset({_S.AVAILABLE}), shows=_S.EXTENDING),
    "delete": Action(
        starts_in=frozenset(
            {_S.AVAILABLE, _S.ERROR, _S.ERROR_RESTORING, _S.ERROR_EXTENDING, _S.ERROR_MANAGING}
        ),
        shows=_S.DELETING,
    ),
    "force_delete": Action(starts_in=_ALL, shows=_S.DELETING),
    "snapshot": Action(starts_in=AT_REST),
    "snapshot_available": Action(starts_in=frozenset({_S.AVAILABLE})),
    "revert": Action(starts_in=frozenset({_S.AVAILABLE}), shows=_S.REVERTING),
    "reimage": Action(starts_in=frozenset({_S.AVAILABLE, _S.ERROR}), shows=_S.DOWNLOADING),
    "reimage_reserved": Action(
        starts_in=frozenset({_S.AVAILABLE, _S.RESERVED, _S.ERROR}), shows=_S.DOWNLOADING
    ),
    "reimage_in_server": Action(
        starts_in=(BY_ATTACHMENT - {_S.AVAILABLE}) | {_S.ERROR}, shows=_S.DOWNLOADING
    ),
    "upload": Action(starts_in=AT_REST, shows=_S.UPLOADING),
    "retype": Action(starts_in=AT_REST, shows=_S.RETYPING),
    "migrate": Action(starts_in=AT_REST),
    "back_up": Action(starts_in=AT_REST, shows=_S.BACKING_UP),
    "restore": Action(
        starts_in=frozenset({_S.AVAILABLE, _S.ERROR_RESTORING}), shows=_S.RESTORING_BACKUP
    ),
    "transfer": Action(starts_in=frozenset({_S.AVAILABLE}), shows=_S.AWAITING_TRANSFER),
    "unmanage": Action(starts_in=frozenset({_S.AVAILABLE, _S.ERROR_MANAGING}), shows=_S.UNMANAGING),
    "unmanage_snapshot": Action(starts_in=AT_REST),
    "metadata": Action(starts_in=_ALL - {_S.MAINTENANCE, _S.UPLOADING}),
    "read_only": Action(starts_in=frozenset({_S.AVAILABLE})),
}
#: What a snapshot may be deleted in.
DELETABLE_SNAPSHOTS = frozenset({SnapshotStatus.AVAILABLE, SnapshotStatus.ERROR})
#: What a group's snapshot may be deleted in.
DELETABLE_GROUP_SNAPSHOTS = frozenset(
    {
        GroupSnapshotStatus.AVAILABLE,
        GroupSnapshotStatus.ERROR,
        GroupSnapshotStatus.ERROR_DELETING,
    }
)
#: Statuses that clients see under another word.
SHOWN: Mapping[str, str] = {_S.MANAGING: _S.CREATING, _S.ERROR_MANAGING: _S.ERROR}


def shown(status: str) -> str:
    """Return the word by which clients know a status."""
    return str(SHOWN.get(status, status))


def spoken(action: str) -> str:
    """Return an action as a sentence says it: ``change its metadata``."""
    return _SPOKEN.get(action, action.replace("_", " "))


def listed(statuses: Set[str]) -> str:
    """Return statuses as a sentence lists them: ``available or in-use``; of many, those it is not."""
    if len(statuses) > len(_ALL) // 2:
        missing = sorted(str(one) for one in _ALL - set(statuses))
        return f"other than {' or '.join(missing)}"
    names = [str(one) for one in VolumeStatus.values if one in statuses]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


_SPOKEN = {
    "metadata": "change its metadata",
    "extend_available": "extend",
    "snapshot_available": "snapshot without force",
    "read_only": "change its read-only flag",
    "unmanage": "unmanage it",
    "unmanage_snapshot": "unmanage a snapshot of it",
    "upload": "upload it to an image",
    "reimage": "write it anew from an image",
    "reimage_reserved": "write it anew from an image",
    "reimage_in_server": "write it anew from an image",
    "back_up": "back it up",
    "restore": "restore a backup to it",
}
