"""The real ``openstack database …`` commands of python-troveclient, which asks in JSON, against fake guests."""

from __future__ import annotations

from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.signals import request_started

from cloudweb.context import RequestContext
from databases.models import Backup, DatabaseInstance, DatastoreVersion
from databases.states import BackupStatus, OperatingStatus, Task
from identity.bootstrap import bootstrap
from identity.models import User
from operations.models import Hold, Operation
from tests.builders.compute import make_flavor
from tests.builders.databases import make_datastores, make_fake_guest, make_instance
from tests.builders.images import make_image
from tests.builders.networks import make_network, make_subnet
from tests.builders.openstack import Command

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
DEMO = {"cloud": "cloudweb"}


@pytest.fixture
def openstack(
    live_server: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """The command, for a cloud that offers databases."""
    monkeypatch.setattr("databases.conf.GUESTS", "fake")
    settings.PUBLIC_URL = live_server.url
    clouds = tmp_path / "clouds.yaml"
    bootstrap(admin_password="operator", demo_password="demo", clouds_file=clouds)
    command = Command(clouds)
    request_started.connect(command.record)
    yield command
    request_started.disconnect(command.record)


@pytest.fixture
def key(openstack: Command) -> str:
    """The id of an instance at rest with a fake guest, ``db1``."""
    make_datastores()
    instance = make_instance(User.objects.get(name="demo"))
    make_fake_guest(instance)
    return str(instance.id)


def done() -> None:
    """Let what was begun have come to its end."""
    DatabaseInstance.objects.update(task=Task.NONE, operating_status=OperatingStatus.HEALTHY)
    Hold.objects.all().delete()
    Operation.objects.update(state="DONE")


def test_what_is_offered(openstack: Command) -> None:
    make_datastores()
    make_flavor("m1.db")

    def json(*words: str, **whose: str) -> Any:
        return openstack.json(*words, **(whose or DEMO))

    def text(*words: str) -> str:
        return openstack.text(*words)

    assert {one["Name"] for one in json("datastore", "list")} == {"postgresql", "mariadb"}
    assert json("datastore", "show", "postgresql")["name"] == "postgresql"
    assert [one["Name"] for one in json("datastore", "version", "list", "postgresql")] == ["15"]
    assert json("datastore", "version", "show", "15", "--datastore", "postgresql")["name"] == "15"
    of_it = ("15", "--datastore", "postgresql")
    found = json("database", "configuration", "parameter", "list", *of_it)
    assert "work_mem" in {one["Name"] for one in found}
    (one, *_) = of_it
    parameter = json("database", "configuration", "parameter", "show", one, "work_mem", *of_it[1:])
    assert (parameter["type"], parameter["restart_required"]) == ("integer", False)
    assert [one["Name"] for one in json("database", "flavor", "list")] == ["m1.db"]
    assert json("database", "flavor", "show", "m1.db")["ram"] == 512
    assert "max_instances" in openstack.text("database", "limit", "list", **DEMO)
    assert json("database", "cluster", "list") == []
    admin = {"cloud": "cloudweb-admin"}
    quotas = {one["Resource"]: one for one in json("database", "quota", "show", "demo", **admin)}
    assert quotas["instances"]["In Use"] == 0
    assert json("database", "quota", "update", "demo", "instances", "3", **admin) == {
        "instances": 3
    }
    text(
        "datastore", "version", "create", "16", "elephant", "postgresql", "",
        "--image-tags", "database", "--active", "--default",
    )  # fmt: skip
    (version,) = json("datastore", "version", "list", "elephant")
    text("datastore", "version", "set", version["ID"], "--version-name", "16.1", "--disable")
    assert json("datastore", "version", "list", "elephant") == []
    text("datastore", "version", "delete", version["ID"])
    text("datastore", "delete", "elephant")
    assert {one["Name"] for one in json("datastore", "list")} == {"postgresql", "mariadb"}


def test_what_is_inside(openstack: Command, key: str) -> None:
    def json(*words: str) -> Any:
        return openstack.json("database", *words, **DEMO)

    def text(*words: str) -> str:
        return openstack.text("database", *words, **DEMO)

    text("db", "create", key, "d2")
    assert {one["Name"] for one in json("db", "list", key)} == {"d1", "d2"}
    text("user", "create", key, "u2", "a long password", "--databases", "d2")
    assert {one["Name"] for one in json("user", "list", key)} == {"u1", "u2"}
    text("user", "grant", "access", key, "u2", "d1")
    text("user", "revoke", "access", key, "u2", "d2")
    assert [one["Name"] for one in json("user", "show", "access", key, "u2")] == ["d1"]
    assert json("user", "show", key, "u2")["name"] == "u2"
    text("user", "update", "attributes", key, "u2", "--new_name", "u3")
    text("user", "delete", key, "u3")
    text("db", "delete", key, "d2")
    assert json("root", "show", key) == {"is_root_enabled": False}
    assert json("root", "enable", key)["name"] == "postgres"
    text("root", "disable", key)
    assert json("root", "show", key) == {"is_root_enabled": True}
    (log,) = json("log", "list", key)
    assert (log["Name"], log["Type"], log["Status"]) == ("general", "SYS", "Ready")
    assert json("log", "show", key, "general")["pending"] == log["Pending"] > 0
    refused = openstack.refusal("database", "log", "set", key, "general", "--publish", **DEMO)
    assert "no object store" in refused
    assert json("ssl", "show", key)["enabled"] is False


def test_an_instance_s_life(openstack: Command, key: str) -> None:
    def json(*words: str) -> Any:
        return openstack.json("database", *words, **DEMO)

    def text(*words: str) -> None:
        openstack.text("database", *words, **DEMO)
        done()

    make_flavor("m1.db", id="2")
    image = make_image(data=b"disk").id
    DatastoreVersion.objects.update(image_id=image)
    mine = RequestContext.system(project_id=User.objects.get(name="demo").default_project_id)
    network = make_subnet(make_network(mine), mine).network_id
    made = json(
        "instance", "create", "new", "--flavor", "m1.db", "--size", "1", "--datastore", "postgresql",
        "--datastore-version", "15", "--nic", f"net-id={network}", "--databases", "d1",
        "--users", "u1:a long password",
    )  # fmt: skip
    assert (made["name"], made["status"]) == ("new", "BUILD")
    DatabaseInstance.objects.filter(id=made["id"]).delete()
    (listed,) = json("instance", "list")
    assert (listed["Name"], listed["Status"], listed["Operating Status"]) == (
        "db1", "ACTIVE", "HEALTHY",
    )  # fmt: skip
    assert json("instance", "show", key)["datastore_version"] == "15"
    text("instance", "update", key, "--name", "db2")
    assert DatabaseInstance.objects.get().name == "db2"
    openstack.text("database", "instance", "restart", key, **DEMO)
    refused = openstack.refusal("database", "instance", "restart", key, **DEMO)
    assert "is not currently available for an action to be performed" in refused
    done()
    text("instance", "resize", "flavor", key, "m1.db")
    text("instance", "resize", "volume", key, "2")
    openstack.text("database", "instance", "reboot", key)
    done()
    DatabaseInstance.objects.filter(id=key).update(server_id=uuid4())
    openstack.text("database", "instance", "rebuild", key, str(image))
    assert Operation.objects.filter(state="READY").get().args["image_id"] == str(image)
    done()
    later = DatastoreVersion.objects.get(manager="postgresql")
    later.pk, later.name, later.number = uuid4(), "15.9", "15.9"
    later.save(force_insert=True)
    text("instance", "upgrade", key, str(later.pk))
    row = DatabaseInstance.objects.get()
    copy = make_instance(User.objects.get(name="demo"), name="copy", replica_of=row)
    text("instance", "promote", str(copy.id))
    DatabaseInstance.objects.filter(id=row.id).update(operating_status="FAILED")
    openstack.text("database", "instance", "eject", key, **DEMO)
    done()
    text("instance", "detach", str(copy.id))
    openstack.text("database", "instance", "reset", "status", str(copy.id))
    text("instance", "force", "delete", str(copy.id))
    DatabaseInstance.objects.filter(id=copy.id).delete()
    text("instance", "delete", key)


def test_a_configuration_s_life(openstack: Command, key: str) -> None:
    def json(*words: str) -> Any:
        return openstack.json("database", "configuration", *words, **DEMO)

    def text(*words: str) -> None:
        openstack.text("database", "configuration", *words, **DEMO)
        done()

    assert json("default", key)["work_mem"] == 4096
    made = json(
        "create",
        "c1",
        '{"work_mem": 128}',
        "--datastore",
        "postgresql",
        "--datastore-version",
        "15",
    )
    its = made["id"]
    assert [one["Name"] for one in json("list")] == ["c1"]
    text("parameter", "set", its, '{"log_lock_waits": true}')
    assert loads(json("show", its)["values"]) == {"work_mem": 128, "log_lock_waits": True}
    text("set", its, '{"work_mem": 256}', "--name", "c2")
    assert loads(json("show", "c2")["values"]) == {"work_mem": 256}
    text("attach", key, its)
    assert [one["ID"] for one in json("instances", its)] == [key]
    text("detach", key)
    text("delete", its)
    assert json("list") == []


def test_a_backup_s_life(openstack: Command, key: str) -> None:
    def json(*words: str) -> Any:
        return openstack.json("database", "backup", *words, **DEMO)

    def text(*words: str) -> None:
        openstack.text("database", "backup", *words, **DEMO)

    made = json("strategy", "create", "--instance-id", key, "--swift-container", "mine")
    assert (made["instance_id"], made["swift_container"]) == (key, "mine")
    (listed,) = json("strategy", "list", "--instance-id", key)
    assert (listed["Instance ID"], listed["Swift Container"]) == (key, "mine")
    made = json("create", "b1", "--instance", key)
    assert made["status"] == "NEW"
    assert Backup.objects.get().container == "mine"
    Backup.objects.update(status=BackupStatus.COMPLETED, size=5 << 20)
    done()
    assert json("show", "b1")["size"] == 0.01  # GiB: as Trove, never nothing for something
    assert [one["Name"] for one in json("list")] == ["b1"]
    assert [one["Name"] for one in json("list", "instance", key)] == ["b1"]
    text("strategy", "delete", "--instance-id", key)
    assert json("strategy", "list") == []
    text("delete", made["id"])
