"""Every route of databases by everybody."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from compute.bootstrap import ensure_default_flavors
from databases.models import Datastore, DatastoreVersion
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
from tests.builders.databases import make_datastores, make_instance
from tests.builders.identity import make_context
from tests.builders.networks import make_network, make_subnet

V1 = "/database/v1.0"
DATASTORE = f"{V1}/datastores/{{datastore}}"
VERSION = f"{DATASTORE}/versions/{{version}}"
ANY = f"{V1}/datastores/versions/{{version}}"
OFFERED = f"{V1}/mgmt/datastore-versions"
NEW = {"datastore_name": "pg", "datastore_manager": "postgresql", "name": "16", "image_tags": ["a"]}


INSTANCE = f"{V1}/instances/{{instance}}"
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
    version, context = make_datastores(), make_context(owner)
    DatastoreVersion.objects.update(image_id=uuid4())
    return {
        "instance": str(make_instance(owner, version=version).id),
        "network": str(make_subnet(make_network(context), context).network_id),
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
    write("DELETE", INSTANCE),
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
    read(f"{V1}/flavors"),
    read(f"{V1}/flavors/1"),
    Line("GET", f"{V1}/limits", PROJECT_READERS - {"system_admin"} | {"other"}),
    operate("GET", f"{V1}/mgmt/quotas/{{project_id}}", status=200),
    operate("PUT", f"{V1}/mgmt/quotas/{{project_id}}", {"quotas": {"instances": 9}}, status=200),
    operate("GET", OFFERED, status=200),
    operate("POST", OFFERED, {"version": NEW}),
    operate("GET", f"{OFFERED}/{{version}}", status=200),
    operate("PATCH", f"{OFFERED}/{{version}}", {"active": False}),
    operate("DELETE", f"{OFFERED}/{{idle}}"),
)
test_access = access_test(LINES)
