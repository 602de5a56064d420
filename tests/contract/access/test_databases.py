"""Every route of databases by everybody."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from cloudweb.database.clock import now
from compute.bootstrap import ensure_default_flavors
from databases import conf
from databases.mailbox.certificates import authority_of
from databases.manager import DatabaseBackupScheduleManager
from databases.models import BackupStrategy, Datastore, DatastoreVersion, Failover
from identity.models import User
from tests.builders.access import (
    EVERYBODY,
    OPERATORS,
    PROJECT_MEMBERS,
    PROJECT_READERS,
    Line,
    access_test,
    shared_world,
)
from tests.builders.databases import (
    make_configuration,
    make_database_backup,
    make_datastores,
    make_fake_guest,
    make_instance,
)
from tests.builders.identity import make_context
from tests.builders.networks import make_network, make_subnet
from volume.bootstrap import ensure_default_type
from volume.models import VolumeType

V1 = "/database/v1.0"
DATASTORE = f"{V1}/datastores/{{datastore}}"
VERSION = f"{DATASTORE}/versions/{{version}}"
ANY = f"{V1}/datastores/versions/{{version}}"
OFFERED = f"{V1}/mgmt/datastore-versions"
NEW = {"datastore_name": "pg", "datastore_manager": "postgresql", "name": "16", "image_tags": ["a"]}


INSTANCE = f"{V1}/instances/{{instance}}"
USER = f"{INSTANCE}/users/u1"
SCHEDULE = f"{V1}/backup_schedules/{{schedule}}"
STRATEGIES = f"{V1}/backup_strategies"
CONFIGURATION = f"{V1}/configurations/{{configuration}}"
BACKUP = f"{V1}/backups/{{backup}}"
MANAGED = f"{V1}/mgmt/instances/{{instance}}"
WORD = "correct horse"
CREATE = {
    "name": "db2",
    "flavorRef": "1",
    "volume": {"size": 1},
    "datastore": {"type": "postgresql", "version": "15"},
    "nics": [{"network_id": "{network}"}],
}


def build(owner: User) -> dict[str, Any]:
    """Return the ids of what there is of databases."""
    ensure_default_flavors()
    ensure_default_type()
    version, context = make_datastores(), make_context(owner)
    DatastoreVersion.objects.update(image_id=uuid4())
    instance = make_instance(owner, version=version, root_enabled_at=now())
    make_fake_guest(instance)
    authority_of(instance.project_id)
    waiting = {"source_id": instance.id, "source_name": instance.name, "reason": "it is silent"}
    Failover.objects.create(project_id=instance.project_id, **waiting)
    schedule = {"name": "nightly", "interval": 24}
    BackupStrategy.objects.create(project_id=instance.project_id, container="weekly")
    return {
        "schedule": str(
            DatabaseBackupScheduleManager(context).create(str(instance.id), schedule).id
        ),
        "instance": str(instance.id),
        "backup": str(make_database_backup(instance).id),
        "configuration": str(make_configuration(owner).id),
        "network": str(make_subnet(make_network(context), context).network_id),
        "volume_type": str(VolumeType.objects.get().id),
        "datastore": str(version.datastore_id),
        "version": str(version.id),
        "spare": str(Datastore.objects.create(name="spare").id),
        "idle": str(DatastoreVersion.objects.get(manager="mariadb").id),
    }


def read(path: str) -> Line:
    """Return the line of what every project may see."""
    return Line("GET", path, PROJECT_READERS | {"other"})


def operate(method: str, path: str, body: Any = None, *, status: int = 202) -> Line:
    """Return the line of what is for operators."""
    return Line(method, path, OPERATORS, status=status, body=body)


def look(path: str) -> Line:
    """Return the line of what is the project's: for others it does not exist."""
    return Line("GET", path, PROJECT_READERS, others={"other": 404})


def write(method: str, path: str, body: Any = None, *, status: int = 202) -> Line:
    """Return the line of a change of it."""
    return Line(method, path, PROJECT_MEMBERS, status, others={"other": 404}, body=body)


@pytest.fixture(autouse=True)
def _fake_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "GUESTS", "fake")


world = shared_world(build)
LINES = (
    Line("GET", "/database", EVERYBODY),
    Line("GET", V1, EVERYBODY),
    Line("GET", f"{V1}/instances", PROJECT_READERS | {"other"}),
    Line("GET", f"{V1}/instances/detail", PROJECT_READERS | {"other"}),
    Line(
        "POST",
        f"{V1}/instances",
        PROJECT_MEMBERS - {"system_admin"},
        others={"other": 400},
        body={"instance": CREATE},
    ),
    look(INSTANCE),
    write("PUT", INSTANCE, {"instance": {"name": "other"}}),
    write("PATCH", INSTANCE, {"instance": {"name": "other"}}),
    write("PATCH", INSTANCE, {"instance": {"failover": {"automatic": True}}}),
    write("DELETE", INSTANCE),
    write("POST", f"{INSTANCE}/action", {"restart": {}}),
    look(f"{INSTANCE}/configuration"),
    look(f"{INSTANCE}/ssl"),
    look(f"{INSTANCE}/databases"),
    write("POST", f"{INSTANCE}/databases", {"databases": [{"name": "d2"}]}),
    write("DELETE", f"{INSTANCE}/databases/d1"),
    look(f"{INSTANCE}/users"),
    write("POST", f"{INSTANCE}/users", {"users": [{"name": "u2", "password": WORD}]}),
    write("PUT", f"{INSTANCE}/users", {"users": [{"name": "u1", "password": WORD}]}),
    look(USER),
    write("PUT", USER, {"user": {"password": WORD}}),
    write("DELETE", USER),
    look(f"{USER}/databases"),
    write("PUT", f"{USER}/databases", {"databases": [{"name": "d1"}]}),
    write("DELETE", f"{USER}/databases/d1"),
    look(f"{INSTANCE}/root"),
    write("POST", f"{INSTANCE}/root", status=200),
    write("DELETE", f"{INSTANCE}/root", status=204),
    look(f"{INSTANCE}/log"),
    Line(
        "POST",
        f"{INSTANCE}/log",
        PROJECT_READERS,
        others={"other": 404},
        body={"name": "general"},
        no_record="it only looks",
    ),
    look(f"{INSTANCE}/backups"),
    Line("GET", f"{V1}/backups", PROJECT_READERS | {"other"}),
    write("POST", f"{V1}/backups", {"backup": {"name": "b2", "instance": "{instance}"}}),
    look(BACKUP),
    write("POST", f"{V1}/backup_proofs", {"backup_proof": {"backup": "{backup}"}}),
    write("DELETE", BACKUP),
    look(f"{INSTANCE}/point_in_time"),
    write("PUT", f"{INSTANCE}/point_in_time", {"point_in_time": {"enabled": True}}),
    Line("GET", f"{V1}/backup_schedules", PROJECT_READERS | {"other"}),
    write(
        "POST",
        f"{V1}/backup_schedules",
        {"backup_schedule": {"name": "s2", "instance": "{instance}"}},
        status=200,
    ),
    look(SCHEDULE),
    write("PUT", SCHEDULE, {"backup_schedule": {"interval": 1}}, status=200),
    write("DELETE", SCHEDULE),
    Line("GET", STRATEGIES, PROJECT_READERS - {"system_admin"} | {"other"}),
    Line("GET", f"{STRATEGIES}?project_id={{project_id}}", PROJECT_READERS),
    write(
        "POST",
        STRATEGIES,
        {"backup_strategy": {"instance_id": "{instance}", "swift_container": "mine"}},
        status=200,
    ),
    Line("DELETE", f"{STRATEGIES}?project_id={{project_id}}", PROJECT_MEMBERS, 202),
    Line("GET", f"{V1}/configurations", PROJECT_READERS | {"other"}),
    Line(
        "POST",
        f"{V1}/configurations",
        PROJECT_MEMBERS - {"system_admin"} | {"other"},
        body={"configuration": {"name": "c2", "values": {"work_mem": 64}}},
    ),
    look(CONFIGURATION),
    write("PATCH", CONFIGURATION, {"configuration": {"values": {"work_mem": 65}}}, status=200),
    write("PUT", CONFIGURATION, {"configuration": {"values": {"work_mem": 65}}}),
    write("DELETE", CONFIGURATION),
    look(f"{CONFIGURATION}/instances"),
    read(f"{V1}/datastores"),
    read(DATASTORE),
    operate("DELETE", f"{V1}/datastores/{{spare}}"),
    read(f"{DATASTORE}/versions"),
    read(VERSION),
    read(f"{VERSION}/parameters"),
    read(f"{VERSION}/parameters/work_mem"),
    read(f"{VERSION}/flavors"),
    read(ANY),
    read(f"{ANY}/parameters"),
    read(f"{ANY}/parameters/work_mem"),
    read(f"{VERSION}/volume-types"),
    read(f"{V1}/volume-types"),
    read(f"{V1}/volume-types/{{volume_type}}"),
    read(f"{V1}/flavors"),
    read(f"{V1}/flavors/1"),
    Line("GET", f"{V1}/limits", PROJECT_READERS - {"system_admin"} | {"other"}),
    Line("GET", f"{V1}/clusters", PROJECT_READERS | {"other"}),
    Line("GET", f"{V1}/modules", PROJECT_READERS | {"other"}),
    operate("GET", f"{V1}/mgmt/instances", status=200),
    operate("GET", MANAGED, status=200),
    operate("GET", f"{MANAGED}/root", status=200),
    operate("POST", f"{MANAGED}/action", {"stop": {}}),
    operate("POST", f"{MANAGED}/action", {"confirm-off": {"reason": "unplugged", "force": True}}),
    operate("GET", f"{V1}/mgmt/quotas/{{project_id}}", status=200),
    operate("PUT", f"{V1}/mgmt/quotas/{{project_id}}", {"quotas": {"instances": 9}}, status=200),
    read(f"{V1}/mgmt/datastores/versions/{{version}}/parameters"),
    read(f"{V1}/mgmt/datastores/versions/{{version}}/parameters/work_mem"),
    operate("GET", OFFERED, status=200),
    operate("POST", OFFERED, {"version": NEW}),
    operate("GET", f"{OFFERED}/{{version}}", status=200),
    operate("PATCH", f"{OFFERED}/{{version}}", {"active": False}),
    operate("DELETE", f"{OFFERED}/{{idle}}"),
)
test_access = access_test(LINES)
