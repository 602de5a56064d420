"""How the sagas of databases are drilled: on a host with fake drivers, and a guest that is fake, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from databases import conf
from databases.manager import DatabaseInstanceManager
from databases.models import DatabaseInstance, DatastoreVersion, FakeGuest, Letter
from databases.operations import CreateDatabase, DeleteDatabase
from databases.requests import InstanceRequest, NewDatabase, NewUser
from image.models import Image
from instances.models import Instance
from network.models import Port, SecurityGroup
from operations.testing import Drill
from tests.builders.databases import make_datastores
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
NOTHING = {name: [] if isinstance(value, list) else 0 for name, value in THERE.items()}

DRILLS = (
    Drill(
        saga=CreateDatabase,
        world=lab_of_databases,
        start=begin,
        census=census,
        done=THERE,
        undone=NOTHING | {"instances": ["ERROR"]},
        only=("make_port", "tell_prepare", "hear_prepare"),
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
)
