"""Databases as rows, without a cloud around them: for tests of what REST says and refuses."""

from __future__ import annotations

from typing import Any

from cloudweb.database.clock import now
from databases import fake_guest
from databases.bootstrap import ensure_datastores
from databases.models import (
    Backup,
    Configuration,
    DatabaseInstance,
    DatastoreVersion,
    FakeGuest,
)
from databases.states import BackupStatus, OperatingStatus, Task
from identity.models import User


def make_datastores() -> DatastoreVersion:
    """Offer what a new cloud offers; return PostgreSQL's version."""
    ensure_datastores()
    return DatastoreVersion.objects.get(manager="postgresql", name="15")


def make_instance(user: User, **overrides: Any) -> DatabaseInstance:
    """Return an instance of the user's default project that is at rest."""
    facts: dict[str, Any] = {
        "name": "db1",
        "project_id": user.default_project_id,
        "user_id": user.pk,
        "flavor_id": "1",
        "ram": 512,
        "volume_size": 1,
        "task": Task.NONE,
        "operating_status": OperatingStatus.HEALTHY,
        "reported_at": now(),
        "parts_project_id": "parts",
        "addresses": ["10.0.0.9"],
    }
    if "version" not in overrides:
        facts["version"] = make_datastores()
    return DatabaseInstance.objects.create(**facts | overrides)


def make_fake_guest(instance: DatabaseInstance) -> FakeGuest:
    """Return a fake guest with a database and a user that may use it."""
    user = {"name": "u1", "host": "%", "databases": ["d1"]}
    state = fake_guest.empty() | {
        "databases": {"d1": {"character_set": "", "collate": ""}},
        "users": {"u1@%": user},
    }
    return FakeGuest.objects.create(instance=instance, state=state)


def make_configuration(user: User, **overrides: Any) -> Configuration:
    """Return a configuration of the user's default project."""
    facts: dict[str, Any] = {
        "name": "c1",
        "project_id": user.default_project_id,
        "version": make_datastores(),
        "values": {"work_mem": 8192},
    }
    return Configuration.objects.create(**facts | overrides)


def make_database_backup(instance: DatabaseInstance, **overrides: Any) -> Backup:
    """Return a whole backup of an instance."""
    facts: dict[str, Any] = {
        "name": "b1",
        "project_id": instance.project_id,
        "instance_id": instance.id,
        "version": instance.version,
        "volume_size": instance.volume_size,
        "status": BackupStatus.COMPLETED,
        "size": 1 << 20,
    }
    return Backup.objects.create(**facts | overrides)
