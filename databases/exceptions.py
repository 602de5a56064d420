"""What can go wrong with databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from cloudweb.exceptions import BadRequest, CloudwebError, Conflict, NotFound
from cloudweb.times import micros_z


class Unprocessable(CloudwebError):
    """The request is understood, and what it is about does not allow it now."""

    status = 422
    code = "unprocessable"


class DatabaseInstanceNotFound(NotFound):
    """No such instance, or none this caller may see."""

    code = "database_instance_not_found"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"Resource {str(instance_id)[:80]} cannot be found.")


class InstanceNotAvailable(Unprocessable):
    """Something is done to the instance, or it failed."""

    code = "database_instance_not_available"

    def __init__(self, instance_id: object, status: str) -> None:
        super().__init__(
            f"Instance {instance_id} is not currently available for an action to be performed "
            f"(status was {status})."
        )


class NothingWaits(Unprocessable):
    """No failover of the instance waits for a human's word."""

    code = "database_failover_not_waiting"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"No failover of instance {instance_id} waits for anybody.")


class StillHeard(Unprocessable):
    """A source that is said to be off speaks."""

    code = "database_still_heard"

    def __init__(self, instance_id: object, heard: datetime | None, within: timedelta) -> None:
        last = micros_z(heard) if heard else "never"
        super().__init__(
            f"Instance {instance_id} is not off: its guest was heard last at {last}. Turn it off, and confirm that "
            f"when it has said nothing for {within.total_seconds():.0f} s, or by 'force' if you know better."
        )


class DatastoreNotFound(NotFound):
    """No such datastore."""

    code = "datastore_not_found"

    def __init__(self, name: object) -> None:
        super().__init__(f"Datastore '{str(name)[:80]}' cannot be found.")


class DatastoreVersionNotFound(NotFound):
    """No such version."""

    code = "datastore_version_not_found"

    def __init__(self, name: object) -> None:
        super().__init__(f"Datastore version '{str(name)[:80]}' cannot be found.")


class DatastoreVersionInactive(BadRequest):
    """Nothing new is made of it."""

    code = "datastore_version_inactive"

    def __init__(self, name: object) -> None:
        super().__init__(f"Datastore version '{name}' is not active.")


class DatastoreInUse(Conflict):
    """Something is of this datastore or version."""

    code = "datastore_in_use"

    def __init__(self, name: object) -> None:
        super().__init__(f"Datastore or version '{name}' is in use.")


class DatastoreExists(Conflict):
    """There is such a version already."""

    code = "datastore_exists"

    def __init__(self, name: object) -> None:
        super().__init__(f"A datastore version with the name '{name}' already exists.")


class ParameterNotFound(NotFound):
    """The version has no parameter of this name that tenants may set."""

    code = "database_parameter_not_found"

    def __init__(self, name: object) -> None:
        super().__init__(f"Configuration parameter '{str(name)[:80]}' cannot be found.")


class ConfigurationNotFound(NotFound):
    """No such configuration, or none this caller may see."""

    code = "database_configuration_not_found"

    def __init__(self, configuration_id: object) -> None:
        super().__init__(f"Configuration {str(configuration_id)[:80]} cannot be found.")


class ConfigurationInUse(Unprocessable):
    """Instances take their settings from it."""

    code = "database_configuration_in_use"
    default_message = "Cannot delete a configuration that is attached to an instance."


class ConfigurationInvalid(Unprocessable):
    """A value that its parameter does not allow, or no parameter of this name."""

    code = "database_configuration_invalid"


class ConfigurationDoesNotFit(BadRequest):
    """The configuration is for another datastore version than the instance's."""

    code = "database_configuration_does_not_fit"
    default_message = "The configuration is for another datastore version than the instance's."


class BackupNotFound(NotFound):
    """No such backup, or none this caller may see."""

    code = "database_backup_not_found"

    def __init__(self, backup_id: object) -> None:
        super().__init__(f"Backup {str(backup_id)[:80]} cannot be found.")


class BackupBusy(Unprocessable):
    """It is being made, or others add to it."""

    code = "database_backup_busy"

    def __init__(self, backup_id: object, why: str) -> None:
        super().__init__(f"Backup {backup_id} {why}.")


class MomentNotKept(Unprocessable):
    """No backup, with the log after it, leads to a moment."""

    code = "database_moment_not_kept"

    def __init__(self, earliest: datetime | None, latest: datetime | None) -> None:
        if earliest is None or latest is None:
            super().__init__("No moment of that database can be gone back to.")
        else:
            super().__init__(
                f"That moment is not kept: {micros_z(earliest)} is the first and "
                f"{micros_z(latest)} the last."
            )


class BackupDamaged(CloudwebError):
    """What the store has of a backup is not what was written."""

    status = 409
    code = "database_backup_damaged"
    default_message = "The backup is damaged."


class GuestSilent(Unprocessable):
    """The guest did not answer in time; it was told nothing."""

    code = "database_guest_silent"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"The guest of instance {instance_id} did not answer in time.")


class GuestRefused(BadRequest):
    """The datastore does not do that."""

    code = "database_guest_refused"


class NotInDatabase(NotFound):
    """The datastore has no such database or user."""

    code = "not_in_database"


class NotAReplica(BadRequest):
    """What is for replicas alone was asked of another instance."""

    code = "database_not_a_replica"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"Instance {instance_id} is not a replica.")


class IsAReplica(Unprocessable):
    """What is in a replica is changed at its source."""

    code = "database_is_a_replica"

    def __init__(self, instance_id: object) -> None:
        super().__init__(
            f"Instance {instance_id} is a replica: it has what its source has. Change that there."
        )


class HasReplicas(Unprocessable):
    """Replicas follow the instance."""

    code = "database_has_replicas"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"Instance {instance_id} has replicas: delete or detach them first.")


class RootNeverEnabled(NotFound):
    """Root was never let in."""

    code = "database_root_never_enabled"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"Root was never enabled on instance {instance_id}.")
