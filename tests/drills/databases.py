"""How the sagas of databases are drilled: on a host with fake drivers, and a guest that is fake, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from compute.models import Flavor
from databases import conf, fake_guest
from databases.manager import (
    DatabaseBackupManager,
    DatabaseBackupProofManager,
    DatabaseInstanceManager,
    PointInTimeManager,
)
from databases.models import (
    Backup,
    Configuration,
    DatabaseInstance,
    DatastoreVersion,
    FakeGuest,
    Letter,
    LogArchive,
)
from databases.operations import (
    BackUpDatabase,
    ConfigureDatabase,
    CreateDatabase,
    DeleteDatabase,
    DeleteDatabaseBackup,
    DetachReplica,
    FailOver,
    FollowSource,
    GrowDatabase,
    KeepDatabaseLog,
    MigrateDatabase,
    PromoteReplica,
    ProveDatabaseBackup,
    RebootDatabase,
    RebuildDatabase,
    ResizeDatabase,
    RestartDatabase,
    StopDatabase,
    UpgradeDatabase,
)
from databases.requests import InstanceRequest, NewDatabase, NewUser
from databases.states import Task
from identity.models import User
from image.models import Image
from instances.models import Instance
from network.models import Network, Port, SecurityGroup
from operations.testing import Cloud, Drill, cloud
from tests.builders.databases import (
    make_configuration,
    make_database_backup,
    make_datastores,
    make_instance,
)
from tests.builders.identity import make_context, make_member
from tests.builders.instances import Lab
from tests.drills.server_volumes import lab_of_one_volume
from volume.bootstrap import ensure_default_type
from volume.models import Volume


@contextmanager
def lab_of_databases(directory: Path) -> Iterator[Lab]:
    """Run a block in a cloud that offers databases."""
    before, conf.GUESTS = conf.GUESTS, "fake"
    try:
        with lab_of_one_volume(directory) as made:
            ensure_default_type()
            make_datastores()
            Image.objects.update(visibility="public")
            DatastoreVersion.objects.update(image_id=made.image.id)
            yield made
    finally:
        conf.GUESTS = before


def wanted(made: Lab, **overrides: Any) -> InstanceRequest:
    """Return a small PostgreSQL."""
    facts: dict[str, Any] = {
        "name": "db1",
        "flavor_id": made.flavor.id,
        "volume_size": 1,
        "datastore": "postgresql",
        "network_id": str(made.network.id),
        "databases": (NewDatabase(name="d1"),),
        "users": (NewUser(name="u1", password="correct horse", databases=("d1",)),),
    }
    return InstanceRequest(**facts | overrides)


def manager(made: Lab) -> DatabaseInstanceManager:
    """Return what the member may do."""
    return DatabaseInstanceManager(made.context)


def begin(made: Lab, _subject: Any = None) -> str:
    """Ask for an instance."""
    return str(manager(made).create(wanted(made)).id)


def ready(made: Lab) -> str:
    """Make an instance and wait for it."""
    key = begin(made)
    made.cloud.settle()
    return key


def watched(made: Lab) -> str:
    """Make an instance that asks before it serves."""
    key = ready(made)
    manager(made).set_failover(key, after=60)
    return key


def told(made: Lab, key: str) -> dict[str, Any]:
    """Count what there is however it ended, and tell whether the guest asks."""
    found = {name: count for name, count in census(made, key).items() if name != "instances"}
    return found | {"asks": FakeGuest.objects.get().state.get("asks_first")}


def larger(made: Lab) -> str:
    """Return a flavor with more memory."""
    rows = Flavor.objects.filter(ram__gt=made.flavor.ram, disk__gte=made.flavor.disk)
    return str(rows.order_by("ram").values_list("id", flat=True)[0])


def census(made: Lab, _subject: Any) -> dict[str, Any]:
    """Count what there is of databases, wherever it is."""
    return {
        "instances": [one.status for one in DatabaseInstance.objects.order_by("created_at")],
        "guests": [sorted(one.state["databases"]) for one in FakeGuest.objects.all()],
        "servers": Instance.objects.alive().count(),
        "volumes": Volume.objects.count(),
        "ports": Port.objects.exclude(device_owner__startswith="network:").count(),
        "groups": SecurityGroup.objects.filter(is_default=False).count(),
        "at hosts": sum(len(driver.list()) for driver in made.guests.values()),
        "waiting": Letter.objects.filter(state="posted").count(),
    }


@contextmanager
def rows_alone(directory: Path) -> Iterator[World]:
    """Run a block in a cloud without hosts, with a database that is there: for what its guest does alone."""
    before, conf.GUESTS = conf.GUESTS, "fake"
    directory.mkdir(parents=True)
    kept, settings.IMAGE_STORE = settings.IMAGE_STORE, directory / "images"
    try:
        with cloud(directory) as running:
            yield World(running, make_member("member"))
    finally:
        conf.GUESTS, settings.IMAGE_STORE = before, kept


@dataclass
class World:
    """A cloud without hosts, and a member."""

    cloud: Cloud
    user: User

    @property
    def instances(self) -> DatabaseInstanceManager:
        """What the member may do."""
        return DatabaseInstanceManager(make_context(self.user))

    @property
    def backups(self) -> DatabaseBackupManager:
        """What the member may do with backups."""
        return DatabaseBackupManager(make_context(self.user))

    def add_host(self, name: str) -> None:
        """There is none to be started again."""


def row(made: World) -> str:
    """Record a database that wants a restart, and another version."""
    instance = make_instance(made.user, restart_required=True)
    FakeGuest.objects.create(instance=instance, state=fake_guest.empty())
    version = instance.version
    DatastoreVersion.objects.create(
        datastore=version.datastore, name="15.9", manager="postgresql", number="15.9"
    )
    return str(instance.id)


def configurable(made: World) -> str:
    """Record a database, and a configuration whose settings want a restart."""
    key = row(made)
    DatabaseInstance.objects.filter(id=key).update(restart_required=False)
    make_configuration(made.user, values={"max_connections": 50, "work_mem": 8192})
    return key


def configure(made: World, key: str) -> None:
    """Attach it."""
    made.instances.configure(key, str(Configuration.objects.get().id))


def backed_up(made: World) -> str:
    """Record a backup of a database."""
    instance = DatabaseInstance.objects.get(id=row(made))
    return str(make_database_backup(instance).id)


def backups(_made: World, _key: str) -> dict[str, Any]:
    """Tell what is so of the instance and of its backups."""
    return {
        "status": DatabaseInstance.objects.get().status,
        "backups": [*Backup.objects.values_list("status", flat=True)],
        "waiting": Letter.objects.filter(state="posted").count(),
    }


def lost(made: Lab) -> str:
    """Record a backup of a database that is gone."""
    instance = make_instance(made.user)
    backup = make_database_backup(instance, checksum=fake_guest.CHECKSUM)
    instance.delete()
    return str(backup.id)


def tried(made: Lab, _key: str) -> dict[str, Any]:
    """Tell what is known of the one backup, and what is left of its trial."""
    backup = Backup.objects.get()
    return census(made, None) | {
        "restored": backup.restore_proven_at is not None,
        "fault": backup.proof_fault,
        "networks": Network.objects.count(),
    }


def kept_log(_made: World, _key: str) -> dict[str, Any]:
    """Tell whether the log of the one instance is taken, and sent."""
    return {
        "status": DatabaseInstance.objects.get().status,
        "kept": LogArchive.objects.filter(enabled=True).exists(),
        "sent": bool(FakeGuest.objects.get().state.get("log")),
        "waiting": Letter.objects.filter(state="posted").count(),
    }


def followed(made: World) -> str:
    """Record a database and a replica of it."""
    version = make_datastores()
    source = make_instance(made.user, name="a", version=version)
    replica = make_instance(made.user, name="b", version=version, replica_of=source)
    for instance in (source, replica):
        state = fake_guest.empty() | {"writable": instance is source}
        FakeGuest.objects.create(instance=instance, state=state)
    return str(replica.id)


def of_three(made: World) -> str:
    """Record a database and two replicas of it."""
    key = followed(made)
    source = DatabaseInstance.objects.get(name="a")
    third = make_instance(made.user, name="c", version=source.version, replica_of=source)
    FakeGuest.objects.create(instance=third, state=fake_guest.empty() | {"writable": False})
    return key


def follow(made: World, key: str) -> None:
    """Have it follow its source, as after another one was promoted."""
    with transaction.atomic():
        DatabaseInstance.objects.filter(id=key).update(task=Task.PROMOTE)
        FollowSource.start(make_context(made.user), resource_id=key)


def bereft(made: World) -> str:
    """Record a source whose guest is off, and two replicas: the one that was heard last has less."""
    key = followed(made)
    source = DatabaseInstance.objects.get(name="a")
    DatabaseInstance.objects.filter(id=source.id).update(operating_status="FAILED")
    further = make_instance(made.user, name="c", version=source.version, replica_of=source)
    state = fake_guest.empty() | {"writable": False, "written": 9}
    FakeGuest.objects.create(instance=further, state=state)
    DatabaseInstance.objects.filter(id=key).update(reported_at=now() + timedelta(seconds=5))
    fake_guest.switch(source.id, off=True)
    return str(source.id)


def with_server(made: Lab) -> str:
    """Make a source that failed and a replica of it, each with a server."""
    key = ready(made)
    manager(made).create(
        InstanceRequest(name="db2", replica_of=key, network_id=str(made.network.id))
    )
    made.cloud.settle()
    DatabaseInstance.objects.filter(id=key).update(operating_status="FAILED")
    return key


def servers_of_family(made: Lab, key: str) -> dict[str, Any]:
    """Tell who takes writes, and whether the old source's server runs."""
    rows = DatabaseInstance.objects.order_by("name")
    old = rows.get(id=key)
    return {
        "source": "".join(
            one.name for one in rows if one.replica_of_id is None and one.id != old.id
        ),
        "writers": [one.name for one in rows if fake_guest.is_writer(one.fake_guest)],
        "server": Instance.objects.get(id=old.server_id).vm_state,
        "tasks": {one.task for one in rows},
        "waiting": Letter.objects.filter(state="posted").count(),
    }


def family(_made: World, _key: str) -> dict[str, Any]:
    """Tell who follows whom, who takes writes, and whether all is at rest."""
    rows = DatabaseInstance.objects.order_by("name")
    return {
        "source": "".join(one.name for one in rows if one.replicas.exists()),
        "writable": [one.name for one in rows if fake_guest.is_writer(one.fake_guest)],
        "status": {one.status for one in rows},
        "waiting": Letter.objects.filter(state="posted").count(),
    }


FAMILY: dict[str, Any] = {
    "source": "a",
    "writable": ["a"],
    "status": {"ACTIVE"},
    "waiting": 0,
}


def rows(_made: World, _key: str) -> dict[str, Any]:
    """Tell what is so of the one instance, and of its guest."""
    instance, guest = DatabaseInstance.objects.get(), FakeGuest.objects.get()
    return {
        "status": instance.status,
        "version": instance.version.name,
        "configured": instance.configuration_id is not None,
        "settings": len(guest.state["settings"]),
        "waiting": Letter.objects.filter(state="posted").count(),
    }


def operating(_made: World, _key: str) -> dict[str, Any]:
    """Tell whether the one instance serves."""
    instance = DatabaseInstance.objects.get()
    return {
        "status": instance.status,
        "operating": instance.operating_status,
        "waiting": Letter.objects.filter(state="posted").count(),
    }


def manager_of_all() -> DatabaseInstanceManager:
    """Return what an operator may do."""
    return DatabaseInstanceManager(RequestContext.system())


@contextmanager
def lab_of_two_hosts(directory: Path) -> Iterator[Lab]:
    """Run a block in a cloud that offers databases and has a second host."""
    with lab_of_databases(directory) as made:
        made.add_host("h2")
        yield made


AT_REST = {
    "status": "RESTART_REQUIRED",
    "version": "15",
    "configured": False,
    "settings": 0,
    "waiting": 0,
}
THERE = {
    "instances": ["ACTIVE"],
    "guests": [["d1"]],
    "servers": 1,
    "volumes": 1,
    "ports": 1,
    "groups": 1,
    "at hosts": 1,
    "waiting": 0,
}
REBUILT = {name: count for name, count in THERE.items() if name != "instances"} | {"asks": True}
NOTHING = {name: [] if isinstance(value, list) else 0 for name, value in THERE.items()}

FENCED: dict[str, Any] = {
    "source": "db2",
    "writers": ["db2"],
    "server": "stopped",
    "tasks": {""},
    "waiting": 0,
}

DRILLS = (
    Drill(
        saga=CreateDatabase,
        world=lab_of_databases,
        start=begin,
        census=census,
        done=THERE,
        undone=NOTHING | {"instances": ["ERROR"]},
        only=("make_port", "hear_prepare"),
    ),
    Drill(
        saga=DeleteDatabase,
        world=lab_of_databases,
        prepare=ready,
        start=lambda made, key: manager(made).delete(key),
        census=census,
        done=NOTHING,
        undone={},
        only=("drop_port",),
    ),
    Drill(
        saga=ResizeDatabase,
        world=lab_of_databases,
        prepare=ready,
        start=lambda made, key: manager(made).resize(key, flavor_id=larger(made)),
        census=census,
        done=THERE,
        undone=THERE,
        only=("note_flavor",),
    ),
    Drill(
        saga=GrowDatabase,
        world=lab_of_databases,
        prepare=ready,
        start=lambda made, key: manager(made).resize_volume(key, size=2),
        census=census,
        done=THERE,
        undone=THERE,
        only=("note_size",),
    ),
    Drill(
        saga=RebootDatabase,
        world=lab_of_databases,
        prepare=ready,
        start=lambda made, key: manager_of_all().reboot(key),
        census=census,
        done=THERE,
        undone=THERE,
        only=("hear_start",),
    ),
    Drill(
        saga=RebuildDatabase,
        world=lab_of_databases,
        prepare=watched,
        start=lambda made, key: manager_of_all().rebuild(key),
        census=told,
        done=REBUILT,
        undone=REBUILT,
        only=("rebuild_server",),
    ),
    Drill(
        saga=MigrateDatabase,
        world=lab_of_two_hosts,
        prepare=ready,
        start=lambda made, key: manager_of_all().migrate(key),
        census=census,
        done=THERE,
        undone=THERE,
        only=("note_move",),
    ),
    Drill(
        saga=StopDatabase,
        world=rows_alone,
        prepare=row,
        start=lambda made, key: manager_of_all().stop(key),
        census=operating,
        done={"status": "RESTART_REQUIRED", "operating": "SHUTDOWN", "waiting": 0},
        undone={"status": "RESTART_REQUIRED", "operating": "HEALTHY", "waiting": 0},
    ),
    Drill(
        saga=RestartDatabase,
        world=rows_alone,
        prepare=row,
        start=lambda made, key: made.instances.restart(key),
        census=rows,
        done=AT_REST | {"status": "ACTIVE"},
        undone=AT_REST,
    ),
    Drill(
        saga=ConfigureDatabase,
        world=rows_alone,
        prepare=configurable,
        start=configure,
        census=rows,
        done=AT_REST | {"configured": True, "settings": 2},
        undone=AT_REST | {"status": "ACTIVE"},
        only=("hear_apply",),
    ),
    Drill(
        saga=UpgradeDatabase,
        world=rows_alone,
        prepare=row,
        start=lambda made, key: made.instances.upgrade(key, version="15.9"),
        census=rows,
        done=AT_REST | {"version": "15.9"},
        undone=AT_REST,
        only=("hear_upgrade",),
    ),
    Drill(
        saga=BackUpDatabase,
        world=rows_alone,
        prepare=row,
        start=lambda made, key: made.backups.create(name="b1", instance_id=key),
        census=backups,
        done={"status": "RESTART_REQUIRED", "backups": ["COMPLETED"], "waiting": 0},
        undone={"status": "RESTART_REQUIRED", "backups": ["FAILED"], "waiting": 0},
        only=("complete",),
    ),
    Drill(
        saga=KeepDatabaseLog,
        world=rows_alone,
        prepare=row,
        start=lambda made, key: PointInTimeManager(make_context(made.user)).keep(key, enabled=True),
        census=kept_log,
        done={"status": "RESTART_REQUIRED", "kept": True, "sent": True, "waiting": 0},
        undone={"status": "RESTART_REQUIRED", "kept": False, "sent": False, "waiting": 0},
        only=("hear_keep_log",),
    ),
    Drill(
        saga=DeleteDatabaseBackup,
        world=rows_alone,
        prepare=backed_up,
        start=lambda made, key: made.backups.delete(key),
        census=backups,
        done={"status": "RESTART_REQUIRED", "backups": [], "waiting": 0},
        undone={},
    ),
    Drill(
        saga=ProveDatabaseBackup,
        world=lab_of_databases,
        prepare=lost,
        start=lambda made, key: DatabaseBackupProofManager(made.context).prove(key),
        census=tried,
        done=NOTHING | {"restored": True, "fault": "", "networks": 1},
        undone=NOTHING | {"restored": False, "fault": "", "networks": 1},
        only=("make_network",),
    ),
    Drill(
        saga=PromoteReplica,
        world=rows_alone,
        prepare=of_three,
        start=lambda made, key: made.instances.promote(key),
        census=family,
        done=FAMILY | {"source": "b", "writable": ["b"]},
        undone=FAMILY,
        only=("hear_take_over",),
    ),
    Drill(
        saga=FollowSource,
        world=rows_alone,
        prepare=followed,
        start=follow,
        census=family,
        done=FAMILY,
        undone=FAMILY,
        only=("hear_follow",),
    ),
    Drill(
        saga=FailOver,
        world=rows_alone,
        prepare=bereft,
        start=lambda made, key: made.instances.eject(key),
        census=family,
        done=FAMILY | {"source": "c", "writable": ["c"]},
        undone=FAMILY | {"writable": []},
        only=("ask_replicas", "elect", "hand_over", "hear_winner"),
    ),
    Drill(
        saga=FailOver,
        name="servers",
        world=lab_of_databases,
        prepare=with_server,
        start=lambda made, key: manager(made).eject(key),
        census=servers_of_family,
        done=FENCED,
        undone=FENCED | {"source": "", "writers": ["db1"], "server": "active"},
        only=("fence",),
    ),
    Drill(
        saga=DetachReplica,
        world=rows_alone,
        prepare=followed,
        start=lambda made, key: made.instances.detach_replica(key),
        census=family,
        done=FAMILY | {"source": "", "writable": ["a", "b"]},
        undone=FAMILY,
        only=("hear_take_over",),
    ),
)
