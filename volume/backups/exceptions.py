"""What can be wrong with a backup's data."""

from __future__ import annotations

from cloudweb.exceptions import CloudwebError


class BackupDamaged(CloudwebError):
    """What was stored is not what was backed up: cut off, changed, or gone. The detail says where."""

    status = 500
    code = "backup_damaged"
    default_message = "The backup is damaged."


class BackupUnreadable(CloudwebError):
    """The backup is of a form this release cannot read, or its key does not fit."""

    status = 500
    code = "backup_unreadable"
    default_message = "The backup cannot be read by this cloud."
