"""The words for what a database instance, its datastore and a backup are at (contract 10.5)."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import TextChoices


class Task(TextChoices):
    """What is being done to an instance; the word is its status meanwhile."""

    NONE = "", "none"
    BUILD = "BUILD"
    REBOOT = "REBOOT"
    RESIZE = "RESIZE"
    UPGRADE = "UPGRADE"
    PROMOTE = "PROMOTE"
    EJECT = "EJECT"
    DETACH = "DETACH"
    LOGGING = "LOGGING"
    CONFIGURING = "CONFIGURING"
    BACKUP = "BACKUP"
    SHUTDOWN = "SHUTDOWN"


class OperatingStatus(TextChoices):
    """What the guest says of the datastore."""

    NEW = "NEW"
    BUILDING = "BUILDING"
    ACTIVE = "ACTIVE"
    HEALTHY = "HEALTHY"
    SHUTDOWN = "SHUTDOWN"
    FAILED = "FAILED"
    RESTART_REQUIRED = "RESTART_REQUIRED"
    UNKNOWN = "UNKNOWN"


#: A guest asks for its letters every 25 seconds; one that was silent for longer may be away.
SILENT_FOR = timedelta(seconds=90)
#: A datastore of which its guest says so takes what its clients write.
SERVING = (OperatingStatus.HEALTHY, OperatingStatus.ACTIVE, OperatingStatus.RESTART_REQUIRED)


class BackupStatus(TextChoices):
    """What a backup is at."""

    NEW = "NEW"
    BUILDING = "BUILDING"
    SAVING = "SAVING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    RESTORED = "RESTORED"
    DELETING = "DELETING"
    DELETE_FAILED = "DELETE_FAILED"


class FailoverState(TextChoices):
    """What a failover is at."""

    FENCING = "fencing"
    ELECTING = "electing"
    PROMOTING = "promoting"
    DONE = "done"
    FAILED = "failed"


class LetterState(TextChoices):
    """What became of an order to a guest."""

    POSTED = "posted"
    FETCHED = "fetched"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class ParameterKind(TextChoices):
    """What the values of a datastore's parameter are."""

    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    STRING = "string"


ACTIVE, ERROR, RESTART_REQUIRED = "ACTIVE", "ERROR", "RESTART_REQUIRED"
#: Nothing is done to a backup any more.
SETTLED = (BackupStatus.COMPLETED, BackupStatus.FAILED, BackupStatus.RESTORED)
#: A guest is at work on it.
BEING_TAKEN = (BackupStatus.NEW, BackupStatus.BUILDING, BackupStatus.SAVING)
#: A database can begin with it, and an incremental one add to it.
WHOLE = (BackupStatus.COMPLETED, BackupStatus.RESTORED)
