"""Create a database: its parts, and then the datastore in its guest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from cloudweb.database.clock import now
from cloudweb.encryption import decrypt
from databases import rpc
from databases.models import Backup, DatabaseInstance
from databases.objects import (
    Database,
    DataVolume,
    Parameter,
    PrepareDatastore,
    ReplicationAccess,
    RestorePoint,
    User,
)
from databases.operations.following import access_to, source_at, source_of
from databases.operations.letters import asks
from databases.operations.parts import build_server, drop_port, drop_server, make_port
from databases.operations.restoring import restore_point
from databases.operations.rows import fail, instance_of, rest, write
from databases.states import OperatingStatus
from operations.saga import Failure, Run, Saga, Step, StepFailed


def first_contents(instance: DatabaseInstance) -> Mapping[str, Any]:
    """Return the databases and users that an instance begins with."""
    if not instance.first_contents:
        return {"databases": [], "users": []}
    found: Mapping[str, Any] = orjson.loads(decrypt(instance.first_contents))
    return found


def settings_of(instance: DatabaseInstance) -> tuple[Parameter, ...]:
    """Return the settings of the configuration that is attached."""
    values = instance.configuration.values if instance.configuration else {}
    return tuple(Parameter(name=name, value=said(value)) for name, value in sorted(values.items()))


def said(value: Any) -> str:
    """Return a value as a configuration file says it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def what_to_prepare(run: Run) -> PrepareDatastore:
    """Return what the guest is to make."""
    instance = instance_of(run)
    contents = first_contents(instance)
    write(run, operating_status=OperatingStatus.BUILDING)
    return PrepareDatastore(
        datastore=instance.version.manager,
        version=instance.version.number,
        volume=DataVolume(serial=str(instance.volume_id)),
        parameters=settings_of(instance),
        databases=tuple(Database(**one) for one in _of(contents, "databases")),
        users=tuple(User(**one) for one in _of(contents, "users")),
        restore=_restore(instance),
        replica_of=source_at(source_of(run), instance.id) if instance.replica_of_id else None,
        require_tls=instance.require_tls,
    )


def _restore(instance: DatabaseInstance) -> RestorePoint | None:
    if instance.restored_from is None:
        return None
    backup = Backup.objects.filter(id=instance.restored_from).first()
    if backup is None:
        raise StepFailed("The backup is gone.")
    return restore_point(backup, instance.id, until=instance.restored_until)


def admitted(run: Run) -> ReplicationAccess | None:
    """Have the source let its replica come; nothing for an instance that is none."""
    instance = instance_of(run)
    return access_to(source_of(run), instance.id) if instance.replica_of_id else None


def to_source(run: Run) -> DatabaseInstance:
    """Return the instance that it follows, or itself."""
    return source_of(run) if instance_of(run).replica_of_id else instance_of(run)


def _of(contents: Mapping[str, Any], name: str) -> Iterable[Any]:
    found: Iterable[Any] = contents[name]
    return found


class CreateDatabase(Saga):
    """Make port, server and data volume, and have the guest set up the datastore."""

    kind = "databases.create"
    resource_type = "database_instance"
    steps = (
        Step("make_port", make_port, undo=drop_port),
        Step("build_server", build_server, undo=drop_server),
        *asks("admit", rpc.ENABLE_REPLICATION, admitted, to=to_source, in_turn=False),
        *asks("prepare", rpc.PREPARE, what_to_prepare),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It serves."""
        rest(
            run,
            operating_status=OperatingStatus.HEALTHY,
            reported_at=now(),
            first_contents="",
        )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Nothing is left of it but its row, which says why."""
        if failure is not None:
            fail(run, failure)
            write(run, server_id=None, volume_id=None, first_contents="")

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """An operator is needed."""
        fail(run, failure)
